/**
 * The lattice yardstick: Microsoft SEAL's BFV (node-seal, WASM) at 128 bits of
 * security beside Paillier at 2048 bits (112 bits of security). A BFV ciphertext holds thousands of
 * slots, so the per-slot row favours it as soon as that many samples wait.
 *
 * @module
 */
import type { Ciphertext, MainModule, Plaintext, SEALContext } from "node-seal";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import {
  type BenchContext,
  type BenchGroup,
  type BenchResult,
  compare,
  interleave,
  timeMs,
} from "../shared/harness.ts";
import { benchKey } from "../shared/keys.ts";

const install = "reference absent: `deno install npm:node-seal`";
/** Slots of 16 bits in a 2048-bit plaintext, 66 bits kept free. */
const paillierSlots = Math.floor((2048 - 66) / 16);
const turns = 11;
const runs = 4;

export const lattice: BenchGroup = {
  names: [
    "lattice-multiply-weight-2048",
    "lattice-multiply-weight-slot-2048",
    "lattice-activation-2048",
  ],
  async run({ wants, progress }: BenchContext): Promise<BenchResult[]> {
    progress("Paillier beside BFV");
    const bfv = await openBfv();
    const paillier = await openPaillier();
    const figures = await interleave({
      weight: paillier.multiplyByWeightMs,
      activation: paillier.activationMs,
      bfvWeight: bfv?.multiplyByWeightMs ?? (() => NaN),
      bfvActivation: bfv?.squareMs ?? (() => NaN),
    }, turns);
    paillier.close();
    const perSlot = (figures: number[], slots: number) =>
      figures.map((ms) => ms * 1e6 / slots);
    const reference = (name: string, figures: number[]) =>
      bfv === null ? null : { name, figures };
    const note = bfv === null ? install : null;
    return [
      compare(
        { name: "lattice-multiply-weight-2048", unit: "ms", note },
        figures.weight,
        reference("BFV 4096 multiplyPlain", figures.bfvWeight),
      ),
      compare(
        { name: "lattice-multiply-weight-slot-2048", unit: "ns", note },
        perSlot(figures.weight, paillierSlots),
        reference("BFV 4096, all slots", perSlot(figures.bfvWeight, 4096)),
      ),
      compare(
        {
          name: "lattice-activation-2048",
          unit: "ms",
          note: note ??
            "decrypt and encrypt one ciphertext, exact activation; BFV: one square with relinearisation",
        },
        figures.activation,
        reference("BFV 8192 square", figures.bfvActivation),
      ),
    ].filter(({ name }) => wants(name));
  },
};

async function openPaillier() {
  const key = benchKey(2048);
  const { publicKey } = key;
  const owner = new PaillierEngine(key);
  const batch = 32;
  const plaintexts = Array.from({ length: batch }, (_, i) => BigInt(i + 1));
  const ciphertexts = await owner.encryptBatch(plaintexts);
  const bank = selectKernel().open(
    [publicKey.modulus, publicKey.modulus],
    2 * batch,
  );
  const bytes = publicKey.ciphertextBytes;
  for (let i = 0; i < batch; i++) {
    const lane = i % 2 === 0 ? 0 : 1;
    bank.load(i, lane, ciphertexts.subarray(i * bytes, (i + 1) * bytes));
  }
  // c^45 = c^0b101101, the mean case of a 6-bit weight, by squaring and multiplying.
  const steps: number[] = [];
  const step = (right: "self" | "base", first = false) => {
    for (let i = 0; i < batch; i++) {
      const left = first ? i : batch + i;
      steps.push(batch + i, left, right === "self" ? left : i);
    }
  };
  step("self", true);
  for (const bit of [1, 1, 0, 1]) {
    if (bit) step("base");
    step("self");
  }
  step("base");
  const program = new Uint32Array(steps);
  return {
    multiplyByWeightMs: async () =>
      await timeMs(() => {
        for (let i = 0; i < runs; i++) bank.run(program);
      }) / (runs * batch),
    activationMs: async () => {
      await owner.fillPool(batch);
      return await timeMs(async () => {
        await owner.encryptBatch(await owner.decryptBatch(ciphertexts));
      }) / batch;
    },
    close: () => owner[Symbol.dispose](),
  };
}

async function openBfv() {
  let seal: MainModule;
  try {
    const { default: load } = await import("node-seal");
    seal = await load();
  } catch {
    return null;
  }
  const weight = bfvContext(seal, 4096);
  const deep = bfvContext(seal, 8192);
  const relinearisation = deep.keys.createRelinKeys();
  const out = new seal.Ciphertext();
  return {
    multiplyByWeightMs: async () =>
      await timeMs(() => {
        for (let i = 0; i < runs; i++) {
          weight.evaluator.multiplyPlain(weight.cipher, weight.plain, out);
        }
      }) / runs,
    squareMs: async () =>
      await timeMs(() => {
        for (let i = 0; i < runs; i++) {
          deep.evaluator.square(deep.cipher, out);
          deep.evaluator.relinearizeInplace(out, relinearisation);
        }
      }) / runs,
  };
}

function bfvContext(seal: MainModule, degree: number) {
  const security = seal.SecLevelType.tc128;
  const parameters = new seal.EncryptionParameters(seal.SchemeType.bfv);
  parameters.setPolyModulusDegree(degree);
  parameters.setCoeffModulus(seal.CoeffModulus.BFVDefault(degree, security));
  parameters.setPlainModulus(seal.PlainModulus.Batching(degree, 20));
  const context: SEALContext = new seal.SEALContext(parameters, true, security);
  const keys = new seal.KeyGenerator(context);
  const plain: Plaintext = new seal.Plaintext();
  new seal.BatchEncoder(context).encode(
    BigInt64Array.from({ length: degree }, (_, i) => BigInt(i % 64 - 32)),
    plain,
  );
  const cipher: Ciphertext = new seal.Ciphertext();
  new seal.Encryptor(context, keys.createPublicKey()).encrypt(plain, cipher);
  return { keys, evaluator: new seal.Evaluator(context), plain, cipher };
}
