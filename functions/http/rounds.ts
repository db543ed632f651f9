/**
 * The route that evaluates one round.
 *
 * @module
 */
import { Hono } from "hono";
import { bigIntFromBytes } from "../../sdk/paillier/public/big_integer.ts";
import type { Kernel } from "../../sdk/paillier/public/kernel.ts";
import { equal } from "../../sdk/support/bytes.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import {
  decodeRoundRequest,
  encodeRoundResponse,
} from "../../sdk/wire/codec.ts";
import { type RoundRequest, shardRange } from "../../sdk/wire/messages.ts";
import type { Principal } from "../access/principal.ts";
import { requireRole } from "../access/require_role.ts";
import {
  type AdmissionEnv,
  type AdmissionOptions,
  admit,
} from "../admission/admit.ts";
import type { Work } from "../admission/turns.ts";
import type { AnswerRange } from "../rounds/arithmetic/answers.ts";
import { answerRound } from "../rounds/answer_round.ts";
import { splitCiphertexts } from "../rounds/evaluate/operands.ts";
import { type Budget, chargeBudget, valuesOf } from "../admission/budget.ts";
import type { Keyring, Sealing } from "../rounds/keyring.ts";
import type { Limits } from "../admission/limits.ts";
import type { ModelStore } from "../models/model_store.ts";
import type { PreparedModel } from "../rounds/prepared_model.ts";
import { type NonceStore, spendToken } from "../stores/spent_tokens.ts";
import type { Share } from "../rounds/privacy/paced.ts";
import type { TokenContent } from "../rounds/sealed_token.ts";
import type { CallFacts } from "../telemetry/call_record.ts";
import { telemetryOf } from "../telemetry/call_telemetry.ts";
import type { EvaluationThreads } from "../threads/threads.ts";
import { checkAccount, checkRound, loadModel } from "./session_checks.ts";
import { parseShard } from "./shard.ts";

export interface RoundRoutesOptions extends AdmissionOptions {
  models: ModelStore;
  keyring: Keyring;
  kernel: Kernel;
  /** Where spent tokens are remembered. */
  nonces: NonceStore;
  /** What accounts may be told; unlimited by default. */
  budget?: Budget;
  /** Where rounds are evaluated, if not here. */
  threads?: EvaluationThreads;
}

/** POST /v1/rounds/{index}?shard={i}/{k}: evaluates one round, or a part of it. */
export function roundRoutes(options: RoundRoutesOptions): Hono<AdmissionEnv> {
  const { threads, limits } = options;
  const isClient = requireRole(options.access, "client");
  const admitted = admit(options, {
    startsSession: false,
    worksHere: !threads,
    workOf: (request, body) => workOf(options, request, body),
  });
  const path = "/:index{[0-9]{1,4}}";
  const routes = new Hono<AdmissionEnv>();
  return routes.post(path, isClient, admitted, async (c) => {
    const body = c.get("body");
    if (threads) return threads.answer(c.req.raw, body, c.var);
    const started = performance.now();
    const { signal } = c.req.raw;
    const principal = c.get("principal");
    const notes = telemetryOf(c.req.raw);
    notes.add({ bytesIn: body.length });
    const request = await notes.during("decode", () => ({
      ...decodeRoundRequest(body),
      index: Number(c.req.param("index")),
      ...parseShard(c.req.query("shard"), limits.shards),
    }));
    const opened = await notes.during(
      "verify",
      () => openToken(options, request, principal),
    );
    const round = await notes.during(
      "prepare",
      () =>
        prepareRound(options, opened, { principal, caller: c.get("share") }),
    );
    notes.add(factsOf(round));
    await notes.during("admit", () => admitRound(options, round, principal));
    const context = { ...round.sealing, kernel: options.kernel };
    const answer = await answerRound(context, {
      ...round,
      caller: c.get("share"),
      signal,
      runStage: (name, work) => notes.during(name, work),
      onPhase: (part) => notes.evaluating(part),
    });
    const evaluateMs = (performance.now() - started).toFixed(1);
    const response = await notes.during(
      "encode",
      () => encodeRoundResponse(answer),
    );
    notes.add({
      ciphertextsOut: answer.ciphertexts.length / ciphertextBytes(round),
      bytesOut: response.length,
    });
    return c.body(
      response as Uint8Array<ArrayBuffer>,
      200,
      {
        "content-type": "application/cbor",
        "server-timing": `evaluate;dur=${evaluateMs}`,
      },
    );
  });
}

/**
 * As the functions sealed it into the token. Nonsense goes no further.
 *
 * @throws {CipherlayerError} as the codec and `TokenSealer.open` do
 */
function workOf(
  { keyring, clock, limits }: RoundRoutesOptions,
  { url }: Request,
  body: Uint8Array,
): Work {
  const { token } = decodeRoundRequest(body);
  const shard = new URL(url).searchParams.get("shard") ?? undefined;
  const { shards } = parseShard(shard, limits.shards);
  const content = keyring.sealingOf(token).sealer.open(token, clock());
  return { ...workOfPart(content, shards), home: homeOf(content.modulus) };
}

/** From the end of the modulus: its first bits are much the same for all keys. */
function homeOf(modulus: Uint8Array): number {
  return new DataView(modulus.buffer, modulus.byteOffset, modulus.length)
    .getUint32(modulus.length - 4) >>> 1;
}

/**
 * What one of `shards` parts counts for. More parts than the plan has repeat what all
 * parts need, so that each counts for one of the plan's.
 */
export function workOfPart(
  content: Pick<TokenContent, "predictedMs" | "shards">,
  shards: number,
): Work {
  const { predictedMs } = content;
  return { predictedMs, shards: Math.min(shards, content.shards) };
}

/** Who calls, and whom the work counts for. */
interface Asker {
  principal: Principal;
  caller: Share;
}

/** A call as it was decoded: shard number `shard` of `shards` of round `index`. */
interface DecodedCall extends RoundRequest {
  index: number;
  shard: number;
  shards: number;
}

/** Its token was made for it, and by whom. */
interface OpenedCall extends DecodedCall {
  sealing: Sealing;
  content: TokenContent;
}

/** Its model is at hand, and the answers are known that it asks for. */
interface PreparedCall extends OpenedCall {
  prepared: PreparedModel;
  range: AnswerRange;
}

/** @throws {CipherlayerError} `token-mismatch`, and as `TokenSealer.open` does */
function openToken(
  { keyring, clock }: RoundRoutesOptions,
  call: DecodedCall,
  principal: Principal,
): OpenedCall {
  const { token, index } = call;
  const sealing = keyring.sealingOf(token);
  const content = sealing.sealer.open(token, clock());
  checkRound(content, index);
  checkAccount(content, principal);
  return { ...call, sealing, content };
}

/** @throws {CipherlayerError} as `preparedFor` does */
async function prepareRound(
  { models }: RoundRoutesOptions,
  call: OpenedCall,
  asker: Asker,
): Promise<PreparedCall> {
  const prepared = await preparedFor(models, call, asker);
  const { answers } = prepared.round(call.index);
  const [from, to] = shardRange(answers, call.shard, call.shards);
  return { ...call, prepared, range: { from, to } };
}

/** What telemetry may know of the call. */
function factsOf(call: PreparedCall): Omit<CallFacts, "phases"> {
  const { content, prepared, index, shard, shards } = call;
  const { products } = prepared.round(index).method(shards);
  return {
    model: content.model,
    version: content.version,
    round: index,
    rounds: prepared.plan.rounds.length,
    shard,
    shards,
    samples: content.samples,
    keyBits: 8 * content.modulus.length,
    products: Math.round(products.multiplications + products.squarings),
    ciphertextsIn: Math.floor(
      call.ciphertexts.length / ciphertextBytes(call),
    ),
  };
}

/**
 * Lets the round be evaluated: the call is small enough, the account may be told
 * the values, and the token was not spent on another request.
 *
 * @throws {CipherlayerError} `too-much-work`, `count-mismatch`, `ciphertext-out-of-range`,
 * `budget-exceeded`, `token-spent`
 */
async function admitRound(
  { budget, nonces, limits, clock }: RoundRoutesOptions,
  call: PreparedCall,
  { account }: Principal,
): Promise<void> {
  const { prepared, content, index, token, ciphertexts, range } = call;
  checkWork(call, limits);
  // Before anything is counted: a refused call changes nothing.
  splitCiphertexts(
    ciphertexts,
    prepared.plan.rounds[index].layout,
    bigIntFromBytes(content.modulus),
    ciphertextBytes(call),
  );
  if (budget) {
    await chargeBudget(budget, {
      account,
      model: content.model,
      values: valuesOf(prepared.plan.rounds[index].layout, range),
      nowMs: clock(),
    });
  }
  if (index >= prepared.firstSingleUse) {
    await spendToken(nonces, token, ciphertexts, content.expiresAt);
  }
}

function ciphertextBytes({ content }: OpenedCall): number {
  return 2 * content.modulus.length;
}

/**
 * The model that a token was sealed for.
 *
 * @throws {CipherlayerError} `model-not-found`, `model-changed`, `token-mismatch`
 */
async function preparedFor(
  models: ModelStore,
  { sealing: { prepared }, content }: OpenedCall,
  { principal, caller }: Asker,
): Promise<PreparedModel> {
  const model = await loadModel(models, content, principal);
  const modulusBits = 8 * content.modulus.length;
  const { samples } = content;
  const found = await prepared.get(model, { modulusBits, samples }, caller);
  if (!equal(found.planHash, content.planHash)) {
    throw new CipherlayerError(
      "token-mismatch",
      "Cannot go on: the token was sealed for another plan; start a new session",
    );
  }
  return found;
}

/** @throws {CipherlayerError} `too-much-work` for fewer shards than the plan asks for */
function checkWork(
  { prepared, content, index, shards }: PreparedCall,
  { maxMillisecondsPerCall: max }: Limits,
): void {
  if (max === Infinity) return;
  const modulusBits = 8 * content.modulus.length;
  const predictedMs = prepared.round(index).predictedMs(shards, modulusBits);
  if (predictedMs > max) {
    throw new CipherlayerError(
      "too-much-work",
      `Cannot evaluate round ${index}: expected a call of at most ${max} ms, got ${
        Math.ceil(predictedMs)
      } ms; the plan splits the round in ${prepared.plan.rounds[index].shards}`,
    );
  }
}
