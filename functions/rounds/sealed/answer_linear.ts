/**
 * The linear call of a sealed round: takes the re-sharing's masks off, evaluates, and
 * puts a mask on that is uniform modulo N.
 *
 * @module
 */
import {
  answerCiphertexts,
  blockSlots,
  spillSlots,
  usedSlots,
  valuesInAnswer,
} from "../../../sdk/fixed_point/layout.ts";
import { SlotWriter } from "../../../sdk/fixed_point/slots.ts";
import { sumInSlots } from "../../../sdk/garbling/rounds/plaintexts.ts";
import { roundingOf } from "../../../sdk/garbling/rounds/simplify.ts";
import {
  bigIntFromBytes,
  bytesFromBigInt,
} from "../../../sdk/paillier/public/big_integer.ts";
import type { Kernel } from "../../../sdk/paillier/public/kernel.ts";
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import type {
  BatchRequest,
  BatchResponse,
  LinearRequest,
  LinearResponse,
} from "../../../sdk/wire/sealed_messages.ts";
import { shardRange } from "../../../sdk/wire/messages.ts";
import type { RoundLayout } from "../../../sdk/wire/plan.ts";
import type { AnswerRange } from "../arithmetic/answers.ts";
import {
  checkBatchRequest,
  type TransferSender,
} from "../../../sdk/transfer/sender.ts";
import type { CompiledRound } from "../evaluate/compiled_round.ts";
import { evaluateRound } from "../evaluate/evaluate.ts";
import { biasOf } from "../evaluate/linear_layer.ts";
import { checkUnits, splitCiphertexts } from "../evaluate/operands.ts";
import { runPaced, type Share } from "../privacy/paced.ts";
import { PowerRandomiser, type Randomiser } from "../privacy/randomisers.ts";
import { seedSources } from "../privacy/seed.ts";
import type { SealedModel } from "./sealed_model.ts";
import {
  answerMasks,
  callSeed,
  purposeSeed,
  type SealedRequest,
  shareAddend,
  shareMasks,
} from "./seeds.ts";
import type { BatchToken, LinearToken, SealedTokens } from "./token.ts";

/** What sealed calls are answered with. */
export interface SealedContext {
  sealingKey: Uint8Array;
  tokens: SealedTokens;
  kernel: Kernel;
  transfers: TransferSender;
  /**
   * Randomises `count` answers of a call, of inferences of so many answers; full powers
   * by default.
   */
  randomiser?: (
    modulus: bigint,
    answers: number,
    count: number,
  ) => Promise<Randomiser>;
  /** Whom computations count for. */
  caller?: Share;
}

/** A linear call whose tokens have been opened. */
export interface LinearJob {
  model: SealedModel;
  content: LinearToken;
  request: LinearRequest;
  /** The request as it came. */
  received: SealedRequest;
  /** Of the batch that transfers are taken from; null where none is asked for. */
  parent: BatchToken | null;
  shard: number;
  shards: number;
  signal?: AbortSignal;
}

/**
 * Answers a linear call. The same request gives the same bytes on every instance.
 *
 * @throws {CipherlayerError} `count-mismatch`, `ciphertext-out-of-range`, `malformed`,
 * `model-changed`, `token-mismatch`
 */
export async function answerLinear(
  context: SealedContext,
  job: LinearJob,
): Promise<LinearResponse> {
  const { model, content, request, signal } = job;
  checkModel(model, content);
  const { digest } = model.rounds[content.round];
  const batchSize = model.batches[content.round];
  const compiled = model.compiled(content.round);
  const { layout } = compiled.plan;
  const modulus = bigIntFromBytes(content.modulus);
  const size = 2 * content.modulus.length;
  const received = splitCiphertexts(request.ciphertexts, layout, modulus, size);
  checkUnits(productOf(received, modulus), modulus);
  if (request.batch) {
    checkBatch(request.batch, job.parent, content, batchSize);
  }
  const seed = callSeed(context.sealingKey, "linear", job.received, digest);
  // One of the shards has it.
  const batch = job.shard > 0 ? null : request.batch &&
    answerBatch(context, request.batch, job.parent, {
      owner: content,
      size: batchSize,
      seed: purposeSeed(seed, "batch"),
    });
  const task = { usedMs: 0, caller: context.caller };
  const range = rangeOf(layout, job);
  const answers = await runPaced(
    evaluateRound(context.kernel, compiled, {
      modulus,
      ciphertexts: await takeOffMasks(received, model, content, modulus),
      inputOrders: layout.inputs.map(() => null),
      outputOrder: null,
      range,
      method: compiled.method(job.shards),
    }),
    { signal, task },
  );
  const mask = purposeSeed(seed, "mask");
  const masks = await answerMasks(mask, answerCiphertexts(layout), modulus);
  const { steps, valueBits } = model.plan.rounds[content.round];
  const rounding = roundingOf(steps, valueBits);
  const addends = masks.slice(range.from, range.to).map((number, i) =>
    (number + offsetOf(compiled, rounding, range.from + i)) % modulus
  );
  const randomiser = await context.randomiser?.(
    modulus,
    model.answers,
    answers.length,
  ) ??
    new PowerRandomiser(context.kernel, modulus);
  const sources = await seedSources(
    seed,
    "randomiser",
    range,
    randomiser.bytesPerAnswer,
  );
  const ciphertexts = new Uint8Array(answers.length * size);
  await runPaced(
    randomiser.randomise(answers, addends, sources, ciphertexts),
    { signal, task },
  );
  const token = context.tokens.seal({
    ...content,
    opens: "activation",
    nonce: purposeSeed(seed, "nonce", 16),
    mask,
    digest,
  });
  return { token, ciphertexts, batch };
}

function rangeOf(
  layout: RoundLayout,
  { shard, shards }: LinearJob,
): AnswerRange {
  const answers = answerCiphertexts(layout);
  const [from, to] = shardRange(answers, shard, shards);
  return { from, to };
}

/** @throws {CipherlayerError} `model-changed` */
export function checkModel(
  model: SealedModel,
  content: { planHash: Uint8Array; round: number },
): void {
  const same = content.planHash.length === model.planHash.length &&
    content.planHash.every((byte, i) => byte === model.planHash[i]);
  if (same && content.round < model.rounds.length) return;
  throw new CipherlayerError(
    "model-changed",
    `Cannot evaluate ${model.name}: its plan is not the token's; start a new session`,
  );
}

/**
 * Makes a batch of transfers from those of an earlier one.
 *
 * @throws {CipherlayerError} `malformed`, `token-mismatch`
 */
export function answerBatch(
  { tokens, transfers }: Pick<SealedContext, "tokens" | "transfers">,
  { from, choices }: BatchRequest,
  parent: BatchToken | null,
  { owner, size, seed }: {
    owner: { modulus: Uint8Array; account: Uint8Array; expiresAt: number };
    size: number;
    seed: Uint8Array;
  },
): BatchResponse {
  if (!parent) {
    throw new TypeError("Cannot make a batch: its token was not opened");
  }
  checkOwner(parent, owner);
  const answer = transfers.answerBatch(parent, { seed, size }, from, choices);
  const { modulus, account } = owner;
  const expiresAt = Math.min(owner.expiresAt, parent.expiresAt);
  const token = tokens.seal({
    opens: "batch",
    modulus,
    account,
    expiresAt,
    seed,
    size,
  });
  return { token, answer };
}

/**
 * Checks a request for a batch, before any secret of it is derived.
 *
 * @throws {CipherlayerError} `malformed`, `token-mismatch`
 */
function checkBatch(
  { from, choices }: Pick<BatchRequest, "from" | "choices">,
  parent: BatchToken | null,
  owner: { modulus: Uint8Array; account: Uint8Array },
  size: number,
): asserts parent is BatchToken {
  if (!parent) {
    throw new TypeError("Cannot make a batch: its token was not opened");
  }
  checkOwner(parent, owner);
  checkBatchRequest(parent.size, size, from, choices);
}

/** Transfers are good for the key and account that began them. @throws {CipherlayerError} `token-mismatch` */
export function checkOwner(
  batch: BatchToken,
  { modulus, account }: { modulus: Uint8Array; account: Uint8Array },
): void {
  const equal = (a: Uint8Array, b: Uint8Array) =>
    a.length === b.length && a.every((byte, i) => byte === b[i]);
  if (equal(batch.modulus, modulus) && equal(batch.account, account)) return;
  throw new CipherlayerError(
    "token-mismatch",
    "Cannot use transfers: their token belongs to another key or account",
  );
}

/** The request's ciphertexts without the masks of the rounds that wrote their plaintexts. */
async function takeOffMasks(
  ciphertexts: readonly Uint8Array[],
  { writers, rounds }: SealedModel,
  { round, shares }: LinearToken,
  modulus: bigint,
): Promise<Uint8Array[]> {
  const addends = new Array<bigint>(ciphertexts.length).fill(0n);
  for (const [input, writer] of writers[round].entries()) {
    if (writer < 0) continue;
    const { readers, shares: shape } = rounds[writer];
    const reader = readers.find((each) =>
      each.round === round && each.input === input
    )!;
    const share = shares.find((share) => share.round === writer);
    if (!share) {
      throw new CipherlayerError(
        "token-mismatch",
        `Cannot evaluate round ${round}: expected a token of round ${writer} before it`,
      );
    }
    const masks = (await shareMasks(share.seed, shape!))
      .map((mask) => shareAddend(shape!, mask));
    reader.plaintexts.forEach((plaintext, i) => {
      addends[plaintext] += sumInSlots(
        reader.elements[i],
        reader.slotBits,
        (element) => masks[element],
      );
    });
  }
  return ciphertexts.map((ciphertext, i) =>
    addends[i] === 0n
      ? ciphertext
      : subtractPlaintext(ciphertext, addends[i], modulus)
  );
}

const productOf = (
  ciphertexts: readonly Uint8Array[],
  modulus: bigint,
): bigint =>
  ciphertexts.reduce(
    (product, ciphertext) => product * bigIntFromBytes(ciphertext) % modulus,
    1n,
  );

/** c (1 - mN) modulo N^2: with c = a + bN, b becomes b - am. */
function subtractPlaintext(
  ciphertext: Uint8Array,
  plaintext: bigint,
  modulus: bigint,
): Uint8Array {
  const c = bigIntFromBytes(ciphertext);
  const a = c % modulus, b = c / modulus;
  const changed = (b + a * (modulus - plaintext % modulus)) % modulus;
  return bytesFromBigInt(a + changed * modulus, ciphertext.length);
}

/** Biases and what rounds them, and 2^(slotBits - 1) in every slot that holds something. */
function offsetOf(
  { map, plan: { layout } }: CompiledRound,
  rounding: number,
  answer: number,
): bigint {
  const b = BigInt(layout.slotBits), block = BigInt(blockSlots(layout)) * b;
  const useful = BigInt(spillSlots(layout)) * b;
  const slots = usedSlots(layout, answer) + spillSlots(layout);
  let sum = onesIn(slots, layout) << (b - 1n);
  for (let place = 0; place < valuesInAnswer(layout, answer); place++) {
    const value = answer * layout.valuesPerCiphertext + place;
    const bias = biasOf(map, layout, value);
    const biases = typeof bias === "number"
      ? onesIn(usefulSlots(layout), layout) * BigInt(bias + rounding)
      : inSlots(bias.map((each) => each + rounding), layout.slotBits);
    sum += biases << block * BigInt(place) + useful;
  }
  return sum;
}

const usefulSlots = (layout: RoundLayout): number =>
  layout.kind === "dense" ? layout.samples : blockSlots(layout);

const onesIn = (slots: number, { slotBits }: RoundLayout): bigint => {
  const b = BigInt(slotBits);
  return ((1n << BigInt(slots) * b) - 1n) / ((1n << b) - 1n);
};

function inSlots(values: readonly number[], slotBits: number): bigint {
  const writer = new SlotWriter(values.length, slotBits);
  for (const value of values) writer.push(value);
  return writer.finish();
}
