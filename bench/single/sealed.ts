/**
 * Whole sealed inferences with both sides in one process, without HTTP: processor time
 * by part and bytes, as JSON; every label is compared with the integer simulator's.
 *
 * @module
 */
import { equal } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import process from "node:process";
import { Command } from "commander";
import { wholeNumber } from "../../cli/commands/command.ts";
import { readScriptArguments } from "../../cli/commands/program.ts";
import { answerActivation } from "../../functions/rounds/sealed/answer_activation.ts";
import { answerLinear } from "../../functions/rounds/sealed/answer_linear.ts";
import { answerSetup } from "../../functions/rounds/sealed/answer_transfers.ts";
import { SealedModel } from "../../functions/rounds/sealed/sealed_model.ts";
import { SealedTokens } from "../../functions/rounds/sealed/token.ts";
import { BankCache } from "../../functions/rounds/privacy/bank_cache.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { simulate } from "../../models/simulate/simulate.ts";
import { elementCount } from "../../sdk/fixed_point/integer_tensor.ts";
import { makeKernel } from "../../sdk/garbling/kernel.ts";
import { andGates } from "../../sdk/garbling/rounds/run.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { bytesFromBigInt } from "../../sdk/paillier/public/big_integer.ts";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import { SealedInference } from "../../sdk/sealed/inference.ts";
import { platformRandom } from "../../sdk/support/random.ts";
import { startTransfers } from "../../sdk/transfer/receiver.ts";
import { TransferSender } from "../../sdk/transfer/sender.ts";
import { encodeSealed } from "../../sdk/wire/sealed_messages.ts";
import { median } from "../shared/harness.ts";
import {
  benchKey,
  type BenchKeyBits,
  parseBenchKeyBits,
} from "../shared/keys.ts";
import { inputActivations } from "../../sdk/fixed_point/quantise.ts";

const occupancyFolder = fileURLToPath(
  new URL("../../models/zoo/occupancy/package", import.meta.url),
);
const command = new Command("bench/single/sealed.ts")
  .description("Whole sealed inferences in one process, as JSON.")
  .argument("[package]", "folder of a package (default: occupancy)")
  .option("--key-bits <n>", "bits of the key", parseBenchKeyBits, 2048)
  .option("--turns <n>", "measured inferences", wholeNumber(1), 5);
const options = readScriptArguments(command);
const [folder = occupancyFolder] = command.args;
const modulusBits: BenchKeyBits = options.keyBits;

const spent = new Map<string, number>();
async function time<T>(part: string, work: () => T | Promise<T>): Promise<T> {
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  spent.set(part, (spent.get(part) ?? 0) + (user + system) / 1000);
  return result;
}

const packed = await readPackage(folder);
const model = {
  ...packed,
  manifest: { ...packed.manifest, reveal: "label" as const },
};
const sealed = await time(
  "once: plan and circuits",
  () => new SealedModel(model, { modulusBits, samples: 1 }),
);
const { plan, rounds } = sealed;
const owner = new PaillierEngine(benchKey(modulusBits), { threads: 0 });
const { modulus } = owner.publicKey;
const sealingKey = platformRandom(32);
const kernel = selectKernel(), gates = makeKernel();
const tokens = new SealedTokens(sealingKey);
const banks = new BankCache(kernel, sealingKey, 1 << 28);
const context = {
  sealingKey,
  tokens,
  kernel,
  gates,
  transfers: new TransferSender(makeKernel()),
  randomiser: (modulus: bigint, answers: number) =>
    banks.bank(modulus, answers),
};
const owned = {
  modulus: bytesFromBigInt(modulus, modulusBits / 8),
  account: new Uint8Array(32),
  expiresAt: Number.MAX_SAFE_INTEGER,
};

async function setUp() {
  const start = await time(
    "once: set-up, gateway",
    () => startTransfers(gates),
  );
  const received = { token: new Uint8Array(), body: start.request };
  const reply = await time(
    "once: set-up, cloud",
    () => answerSetup(context, start.request, { owner: owned, received }),
  );
  const root = await time(
    "once: set-up, gateway",
    () => start.finish(reply.answer),
  );
  return { root, token: reply.token };
}

async function infer(reading: Float64Array) {
  const { root, token: rootToken } = transfers;
  const bytes = { up: 0, down: 0 };
  const inference = new SealedInference(
    { plan, rounds, modulus, gates },
    inputActivations([reading], plan.inputs),
  );
  let token = tokens.seal({
    ...owned,
    opens: "linear",
    model: sealed.name,
    version: sealed.version,
    planHash: sealed.planHash,
    samples: 1,
    round: 0,
    nonce: platformRandom(16),
    shares: [],
  });
  let batch = root, batchToken = rootToken;
  for (let index = 0; index < rounds.length; index++) {
    const size = sealed.batches[index];
    const pending = size > 0
      ? await time("gateway: transfers", () => root.extend(size))
      : null;
    const linear = {
      token,
      ciphertexts: await time(
        "gateway: encrypt",
        () => owner.encryptBatch(inference.plaintexts(index)),
      ),
      batch: pending && { token: rootToken, ...pending.request },
    };
    const body = encodeSealed(linear);
    const reply = await time("cloud: linear", () =>
      answerLinear(context, {
        model: sealed,
        content: tokens.open(token, "linear", 0),
        request: linear,
        received: { token, body },
        parent: pending && tokens.open(rootToken, "batch", 0),
        shard: 0,
        shards: 1,
      }));
    bytes.up += body.length;
    bytes.down += encodeSealed(reply).length;
    if (pending) {
      batch = await time(
        "gateway: transfers",
        () => pending.finish(reply.batch!.answer),
      );
      batchToken = reply.batch!.token;
    }
    const answers = await time(
      "gateway: decrypt",
      () => owner.decryptBatch(reply.ciphertexts),
    );
    const call = await time(
      "gateway: choose",
      () => inference.choose(index, answers, batch),
    );
    const request = { token: reply.token, batch: batchToken, ...call.request };
    const activationBody = encodeSealed(request);
    bytes.up += activationBody.length;
    const { head, chunks } = await time(
      "cloud: labels and masks",
      () =>
        answerActivation(context, {
          model: sealed,
          content: tokens.open(reply.token, "activation", 0),
          batch: tokens.open(batchToken, "batch", 0),
          request,
          received: { token: reply.token, body: activationBody },
          shard: 0,
          shards: 1,
        }),
    );
    bytes.down += head.token.length + head.salt.length;
    const running = call.begin(head.salt);
    for (;;) {
      const { value } = await time("cloud: garble", () => chunks.next());
      if (!value) break;
      bytes.down += value.length;
      await time("gateway: evaluate", () => running.push(value));
    }
    await time("gateway: evaluate", () => running.finish());
    token = head.token;
  }
  const { integers } = simulate(model, reading);
  equal(inference.labels![0], integers.indexOf(Math.max(...integers)));
  return bytes;
}

let transfers = await setUp();
const [{ shape, low, high }] = plan.inputs;
const walls: number[] = [];
let bytes = { up: 0, down: 0 };
for (let turn = -1; turn < options.turns; turn++) {
  if (transfers.root.left < 5000) transfers = await setUp();
  const reading = Float64Array.from(
    { length: elementCount(shape) },
    () => low + Math.floor(Math.random() * (high - low + 1)),
  );
  const start = performance.now();
  bytes = await infer(reading);
  // The first one builds tables and banks.
  if (turn < 0) {
    for (const part of spent.keys()) {
      if (!part.startsWith("once")) spent.delete(part);
    }
  } else walls.push(performance.now() - start);
}
const { length: turns } = walls;
console.log(JSON.stringify(
  {
    model: model.manifest.name,
    modulusBits,
    turns,
    wallMs: Math.round(median(walls)),
    kilobytesUp: bytes.up / 1000,
    kilobytesDown: bytes.down / 1000,
    andGates: rounds.reduce((sum, { stages }) => sum + andGates(stages), 0),
    choices: rounds.reduce((sum, { chosen }) => sum + chosen.bit.length, 0),
    processorMs: Object.fromEntries(
      [...spent].map(([part, ms]) => [
        part,
        Math.round(10 * ms / (part.startsWith("once") ? 1 : turns)) / 10,
      ]),
    ),
  },
  null,
  2,
));
