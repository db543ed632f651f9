/**
 * Figure 14 and Table 4: ciphertexts, bytes and time of each layer, packed as we send
 * them and element by element as the paper does, both on this project's arithmetic.
 *
 * @module
 */
import { CompiledRound } from "../../../functions/rounds/evaluate/compiled_round.ts";
import { evaluateRound } from "../../../functions/rounds/evaluate/evaluate.ts";
import { runPaced } from "../../../functions/rounds/privacy/paced.ts";
import { tensorNamed } from "../../../models/package/bounds.ts";
import { readPackage } from "../../../models/package/read_package.ts";
import type {
  ModelPackage,
  RoundSpec,
} from "../../../models/package/format.ts";
import { denseLayout } from "../../../models/planner/dense.ts";
import { plainSlotBits } from "../../../models/planner/slot_width.ts";
import { spatialLayout } from "../../../models/planner/spatial.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { digitSample } from "../../../examples/digits/samples.ts";
import { toResidue } from "../../../sdk/fixed_point/codec.ts";
import {
  inputActivations,
  quantise,
} from "../../../sdk/fixed_point/quantise.ts";
import { packInputs } from "../../../sdk/fixed_point/packing.ts";
import { bytesFromBigInt } from "../../../sdk/paillier/public/big_integer.ts";
import { PaillierEngine } from "../../../sdk/paillier/private/paillier_engine.ts";
import { selectKernel } from "../../../sdk/paillier/public/select_kernel.ts";
import type { RoundReport } from "../../../sdk/session/events.ts";
import type { RoundLayout, RoundPlan } from "../../../sdk/wire/plan.ts";
import { openChecked } from "../../shared/checked_session.ts";
import {
  lenetFolder,
  startFunctions,
  zooFolder,
} from "../../shared/functions_process.ts";
import { median, timeMs } from "../../shared/harness.ts";
import { benchKey, type BenchKeyBits } from "../../shared/keys.ts";
import type { Stage } from "../stage.ts";

/** One layer, one way. */
export type LayerRow = {
  keyBits: number;
  method: "packed" | "element by element";
  layer: string;
  /** Elements of one sample that go up and down. */
  valuesUp: number;
  valuesDown: number;
  ciphertextsUp: number;
  ciphertextsDown: number;
  bytesUp: number;
  bytesDown: number;
  encryptMs: number;
  evaluateMs: number;
  decryptMs: number;
};

export const layersStage: Stage = {
  name: "layers",
  about: "each layer of the LeNet, packed and element by element",
  tables: ["layers"],
  async measure({ quick, progress }) {
    const model = await readPackage(lenetFolder);
    await using functions = await startFunctions({ models: zooFolder });
    const rows: LayerRow[] = [];
    for (const keyBits of (quick ? [512] : [512, 2048]) as BenchKeyBits[]) {
      progress(`${keyBits} bits: packed`);
      rows.push(
        ...await packed(functions.url, model, keyBits, quick ? 2 : 7),
      );
      progress(`${keyBits} bits: element by element`);
      rows.push(...await elementByElement(model, keyBits, progress));
    }
    return { layers: rows };
  },
};

async function packed(
  url: string,
  model: ModelPackage,
  bits: BenchKeyBits,
  turns: number,
): Promise<LayerRow[]> {
  // Without a pool, as the other method has none.
  await using checked = await openChecked({ url, model, bits, pool: false });
  await checked.infer();
  const runs: RoundReport[][] = [];
  for (let turn = 0; turn < turns; turn++) {
    runs.push((await checked.infer()).rounds);
  }
  const middle = (round: number, part: keyof RoundReport) =>
    median(runs.map((run) => run[round][part]));
  return model.manifest.rounds.map((round, index): LayerRow => ({
    keyBits: bits,
    method: "packed",
    ...sizesOf(round),
    ciphertextsUp: runs[0][index].ciphertextsUp,
    ciphertextsDown: runs[0][index].ciphertextsDown,
    bytesUp: runs[0][index].bytesUp,
    bytesDown: runs[0][index].bytesDown,
    encryptMs: middle(index, "encryptMs"),
    evaluateMs: middle(index, "evaluateMs"),
    decryptMs: middle(index, "decryptMs"),
  }));
}

/**
 * One number a ciphertext: the same arithmetic and weights, every result compared
 * with the simulator, on one core. Masks and re-randomisation are left out, as the
 * paper has none; pooling runs at the gateway, as ours does.
 */
async function elementByElement(
  model: ModelPackage,
  keyBits: BenchKeyBits,
  progress: (message: string) => void,
): Promise<LayerRow[]> {
  const key = benchKey(keyBits);
  const { modulus, ciphertextBytes } = key.publicKey;
  using owner = new PaillierEngine(key, { threads: 0, poolBytes: 0 });
  await owner.prepare();
  const reading = quantise(
    Array.from(digitSample(3).picture, (value) => value / 255),
    model.manifest,
  );
  const { rounds } = simulate(model, reading);
  const live = inputActivations([reading], model.manifest.inputs);
  const rows: LayerRow[] = [];
  for (const [index, round] of model.manifest.rounds.entries()) {
    progress(`${keyBits} bits: ${round.name}, element by element`);
    const layout = oneValueLayout(round, keyBits);
    const plan: RoundPlan = {
      layout,
      steps: round.steps,
      writes: round.writes,
      shards: 1,
    };
    const compiled = new CompiledRound(model, index, plan);
    const method = compiled.method(1);
    let ciphertexts = new Uint8Array();
    const encryptMs = await timeMs(async () => {
      ciphertexts = await owner.encryptBatch(
        packInputs(layout, live, modulus),
      ) as Uint8Array<ArrayBuffer>;
    });
    const answers: bigint[] = [];
    const evaluateMs = await timeMs(async () => {
      const packedAnswers = await runPaced(
        evaluateRound(selectKernel(), compiled, {
          modulus,
          ciphertexts: split(ciphertexts, ciphertextBytes),
          inputOrders: layout.inputs.map(() => null),
          outputOrder: null,
          range: { from: 0, to: compiled.answers },
          method,
        }),
      );
      for (const [a, b] of packedAnswers) answers.push(a + b * modulus);
    });
    const sent = join(answers, ciphertextBytes);
    let residues: bigint[] = [];
    const decryptMs = await timeMs(async () => {
      residues = await owner.decryptBatch(sent);
    });
    check(round, model, {
      accumulators: rounds[index].accumulators,
      residues,
      modulus,
    });
    live.set(round.writes, rounds[index].activation);
    rows.push({
      keyBits,
      method: "element by element",
      ...sizesOf(round),
      ciphertextsUp: ciphertexts.length / ciphertextBytes,
      ciphertextsDown: answers.length,
      bytesUp: ciphertexts.length,
      bytesDown: sent.length,
      encryptMs,
      evaluateMs,
      decryptMs,
    });
  }
  return rows;
}

/** One tile as large as the output, so that a ciphertext holds one element. */
function oneValueLayout(round: RoundSpec, modulusBits: number): RoundLayout {
  if (round.terms[0].kind === "dense") {
    return {
      ...denseLayout(round, 1, modulusBits, 1)!,
      valuesPerCiphertext: 1,
    };
  }
  const [, height, width] = round.outputShape;
  return spatialLayout(round, {
    tile: [height, width],
    samples: 1,
    slotBits: plainSlotBits(round),
    maxSlots: 1,
  });
}

/** Products hold no bias: the functions add it with the mask. */
function check(
  round: RoundSpec,
  { tensors }: ModelPackage,
  { accumulators, residues, modulus }: {
    accumulators: Float64Array;
    residues: readonly bigint[];
    modulus: bigint;
  },
): void {
  const bias = tensorNamed(tensors, round.bias).data;
  const positions = accumulators.length / bias.length;
  const wrong = residues.findIndex((residue, i) =>
    residue !==
      toResidue(
        BigInt(accumulators[i] - bias[Math.floor(i / positions)]),
        modulus,
      )
  );
  if (wrong >= 0 || residues.length !== accumulators.length) {
    throw new Error(
      `Layer ${round.name} element by element differs from the simulator at ${wrong}`,
    );
  }
}

const elements = (shape: readonly number[]) =>
  shape.reduce((size, extent) => size * extent, 1);

function sizesOf({ name, terms, outputShape }: RoundSpec) {
  return {
    layer: name,
    valuesUp: terms.reduce(
      (sum, term) =>
        sum +
        (term.kind === "dense" ? term.length : elements(term.inputShape)),
      0,
    ),
    valuesDown: elements(outputShape),
  };
}

function split(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from(
    { length: bytes.length / size },
    (_, i) => bytes.subarray(i * size, (i + 1) * size),
  );
}

function join(numbers: readonly bigint[], size: number): Uint8Array {
  const bytes = new Uint8Array(numbers.length * size);
  numbers.forEach((number, i) =>
    bytes.set(bytesFromBigInt(number, size), i * size)
  );
  return bytes;
}
