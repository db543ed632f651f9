/**
 * A round from its opened token to the reply: evaluated, then hidden.
 *
 * @module
 */
import type { RoundGuard } from "../../models/protections/guard_model.ts";
import { bigIntFromBytes } from "../../sdk/paillier/public/big_integer.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { RoundResponse } from "../../sdk/wire/messages.ts";
import type { Kernel } from "../../sdk/paillier/public/kernel.ts";
import type { Sealing } from "./keyring.ts";
import {
  evaluateRound,
  type Phase,
  valuesInRange,
} from "./evaluate/evaluate.ts";
import { biasOf } from "./evaluate/linear_layer.ts";
import { splitCiphertexts } from "./evaluate/operands.ts";
import type { AnswerRange, PackedAnswer } from "./arithmetic/answers.ts";
import { runPaced, type Share, type Task } from "./privacy/paced.ts";
import type { CompiledRound } from "./evaluate/compiled_round.ts";
import type { PreparedModel } from "./prepared_model.ts";
import { answerMask, maskBytes } from "./privacy/mask.ts";
import type { Order } from "./arithmetic/order.ts";
import { drawOrder } from "./privacy/order.ts";
import { PowerRandomiser } from "./privacy/randomisers.ts";
import {
  type AnswerGuard,
  comparisonSigns,
  guardAnswers,
  type GuardSeeds,
} from "./privacy/guard_answers.ts";
import { multiplyPlaintexts, takeOpposites } from "./privacy/powers.ts";
import { checkSelectors } from "./privacy/selector_check.ts";
import {
  deriveKey,
  roundSeed,
  seedSources,
  uniformBytes,
} from "./privacy/seed.ts";
import type { OrderSeed, TokenContent } from "./sealed_token.ts";

/** A round request whose token has been opened and found to fit. */
export interface RoundJob {
  prepared: PreparedModel;
  content: TokenContent;
  token: Uint8Array;
  ciphertexts: Uint8Array;
  range: AnswerRange;
  shards: number;
  /** Whose call it is, among those that share the thread. */
  caller?: Share;
  signal?: AbortSignal;
  /** Runs each stage, and may time it. */
  runStage?: RunStage;
  /** Told what the evaluation's time from now on is spent on. */
  onPhase?: (phase: Phase) => void;
}

/** Runs a stage of `answerRound`: the products of a round, and what hides the rest. */
export type RunStage = <T>(
  name: "evaluate" | "randomise",
  work: () => Promise<T>,
) => Promise<T>;

const orderSeedBytes = 16;
const nonceBytes = 16;

/** What a round is answered with, beside the job. */
type AnswerContext = Pick<Sealing, "banks" | "sealer" | "sealingKey"> & {
  kernel: Kernel;
};

/** A job made ready for evaluation. */
interface OpenedRound {
  job: RoundJob;
  task: Task;
  round: CompiledRound;
  guard: RoundGuard;
  modulus: bigint;
  modulusBits: number;
  /** Of the request, with the signs of comparisons undone. */
  ciphertexts: readonly Uint8Array[];
  seeds: GuardSeeds;
  /** The order in which the round's output is sent out, null for the model's own. */
  outputOrder: Order | null;
}

/**
 * Evaluates a range of a round's answers and seals the next token. The same job
 * gives the same bytes on every instance.
 *
 * @throws {CipherlayerError} `count-mismatch`, `ciphertext-out-of-range`
 */
export async function answerRound(
  context: AnswerContext,
  job: RoundJob,
): Promise<RoundResponse> {
  const { runStage = (_, work) => work() } = job;
  const evaluated = await runStage("evaluate", () => evaluate(context, job));
  return await runStage("randomise", () => hide(context, evaluated));
}

/** Answers that the gateway must not see yet. */
interface EvaluatedRound {
  opened: OpenedRound;
  answers: PackedAnswer[];
}

async function evaluate(
  context: AnswerContext,
  job: RoundJob,
): Promise<EvaluatedRound> {
  const opened = await openRound(context, job);
  return { opened, answers: await multiply(context, opened) };
}

async function hide(
  context: AnswerContext,
  { opened, answers }: EvaluatedRound,
): Promise<RoundResponse> {
  const guard = await drawGuard(opened);
  const guarded = await applyGuard(opened, guard, answers);
  const masks = await drawMasks(opened, guard);
  const ciphertexts = await randomise(context, opened, guarded, masks);
  return { token: sealNextToken(context, opened), ciphertexts };
}

async function openRound(
  { sealingKey }: AnswerContext,
  job: RoundJob,
): Promise<OpenedRound> {
  const { prepared, content } = job;
  const index = content.round;
  const round = prepared.round(index);
  const guard = prepared.guards[index];
  const modulus = bigIntFromBytes(content.modulus);
  let ciphertexts = splitCiphertexts(
    job.ciphertexts,
    round.plan.layout,
    modulus,
    2 * content.modulus.length,
  );
  if (guard.kind === "counted") {
    const signs = await signsBefore(content, ciphertexts.length);
    const opposite = signs.map((sign) => sign < 0);
    ciphertexts = takeOpposites(ciphertexts, opposite, modulus);
  }
  const request = await roundSeed(sealingKey, job.token, job.ciphertexts);
  const order = deriveKey(
    request,
    "channel order",
    new Uint8Array(),
    orderSeedBytes,
  );
  return {
    job,
    task: { usedMs: 0, caller: job.caller },
    round,
    guard,
    modulus,
    modulusBits: 8 * content.modulus.length,
    ciphertexts,
    seeds: { request, order },
    outputOrder: await orderFrom(order, prepared.orderUnits[index]),
  };
}

/** The answers without guard, mask and re-randomisation. */
async function multiply(
  { kernel }: AnswerContext,
  { job, task, round, modulus, ciphertexts, outputOrder }: OpenedRound,
): Promise<PackedAnswer[]> {
  const call = {
    modulus,
    ciphertexts,
    inputOrders: await inputOrders(job.prepared, job.content),
    outputOrder,
    range: job.range,
    method: round.method(job.shards),
  };
  return await runPaced(
    evaluateRound(kernel, round, call, job.onPhase),
    { signal: job.signal, task },
  );
}

function drawGuard(
  { job, round, guard, seeds }: OpenedRound,
): Promise<AnswerGuard> {
  return guardAnswers(guard, round.plan.layout, job.range, seeds);
}

/** Answers times their factors and, of selections, with the selectors checked. */
async function applyGuard(
  opened: OpenedRound,
  { factors }: AnswerGuard,
  evaluated: PackedAnswer[],
): Promise<PackedAnswer[]> {
  const { round, guard, modulus, modulusBits, ciphertexts, seeds } = opened;
  const multiplied = factors
    ? multiplyPlaintexts(evaluated, factors, modulus)
    : evaluated;
  if (guard.kind !== "selected" || !guard.check) return multiplied;
  const [random] = await seedSources(
    seeds.request,
    "selector check",
    { from: 0, to: 1 },
    uniformBytes(modulusBits),
  );
  const geometry = { ...round.plan.layout, modulus };
  return multiplied.map((answer) =>
    checkSelectors(answer, ciphertexts, geometry, random)
  );
}

/** For each answer what is added to its plaintext: biases, and what hides the rest. */
async function drawMasks(
  { job: { range }, round, modulus, modulusBits, seeds, outputOrder }:
    OpenedRound,
  { addend }: AnswerGuard,
): Promise<bigint[]> {
  const { layout } = round.plan;
  const values = valuesInRange(round, { range, outputOrder });
  const sources = await seedSources(
    seeds.request,
    "mask",
    range,
    maskBytes(layout, modulusBits),
  );
  return sources.map((random, i) => {
    const first = i * layout.valuesPerCiphertext;
    return answerMask(layout, range.from + i, {
      bias: (place) =>
        addend(i, place, biasOf(round.map, layout, values[first + place])),
      modulus,
      random,
    });
  });
}

/** Masked and re-randomised answers, as they leave. */
async function randomise(
  { banks, kernel }: AnswerContext,
  { job, task, modulus, seeds }: OpenedRound,
  packed: readonly PackedAnswer[],
  masks: readonly bigint[],
): Promise<Uint8Array> {
  const { prepared, content, range, signal } = job;
  const randomiser = prepared.usesBank
    ? await banks.randomiser(modulus, {
      answers: prepared.answers,
      count: packed.length,
      caller: task.caller,
    })
    : new PowerRandomiser(kernel, modulus);
  const sources = await seedSources(
    seeds.request,
    "randomiser",
    range,
    randomiser.bytesPerAnswer,
  );
  const answers = new Uint8Array(packed.length * 2 * content.modulus.length);
  await runPaced(randomiser.randomise(packed, masks, sources, answers), {
    signal,
    task,
  });
  return answers;
}

/** The token of the next round; empty after the last one. */
function sealNextToken(
  { sealer }: AnswerContext,
  { job: { prepared, content }, guard, seeds, outputOrder }: OpenedRound,
): Uint8Array {
  const { plan } = prepared;
  const index = content.round;
  if (index === plan.rounds.length - 1) return new Uint8Array();
  return sealer.seal({
    ...content,
    round: index + 1,
    predictedMs: prepared.predictedMs(index + 1),
    shards: plan.rounds[index + 1].shards,
    nonce: deriveKey(seeds.request, "nonce", new Uint8Array(), nonceBytes),
    orders: liveOrders(prepared, index, [
      ...content.orders,
      // The signs of comparisons come from it even where nothing trades places.
      ...outputOrder || guard.kind === "compared"
        ? [{ round: index, seed: seeds.order }]
        : [],
    ]),
  });
}

function orderFrom(seed: Uint8Array, units: number): Promise<Order> | null {
  return units > 1 ? drawOrder(seed, units) : null;
}

/** Signs of the comparisons that the token's round reads, in the order they were sent out. */
function signsBefore(
  { round, orders }: TokenContent,
  comparisons: number,
): Promise<number[]> {
  const known = orders.find((order) => order.round === round - 1);
  if (!known) {
    throw new CipherlayerError(
      "token-mismatch",
      `Cannot evaluate round ${round}: expected a token of the comparisons before it`,
    );
  }
  return comparisonSigns(known.seed, { from: 0, to: comparisons });
}

/** For each input of the token's round, the order that its activation was sent out in. */
function inputOrders(
  { writers, orderUnits }: PreparedModel,
  { round, orders }: TokenContent,
): Promise<(Order | null)[]> {
  return Promise.all(
    writers[round].map((writer) => {
      const known = orders.find((order) => order.round === writer);
      return known ? orderFrom(known.seed, orderUnits[writer]) : null;
    }),
  );
}

/** Orders of the activations that rounds after `index` read. */
function liveOrders(
  { lastReaders }: PreparedModel,
  index: number,
  orders: OrderSeed[],
): OrderSeed[] {
  return orders.filter(({ round }) => lastReaders[round] > index);
}
