/**
 * One inference: round after round until the last answers are decrypted.
 *
 * @module
 */
import type { ActivationRegistry } from "../activations/registry.ts";
import { activate, type ActivationContext, packOrZeros } from "./activate.ts";
import { concat } from "../support/bytes.ts";
import type { Clock } from "../support/clock.ts";
import { CipherlayerError } from "../support/errors.ts";
import type { RoundReport, SessionState } from "./events.ts";
import type { IntegerTensor } from "../fixed_point/integer_tensor.ts";
import { answerCiphertexts } from "../fixed_point/layout.ts";
import { lastReaders } from "./plan_limits.ts";
import type { ReleaseGrid } from "./release_grid.ts";
import { askShards, checkNextToken, checkSameToken } from "./shards.ts";
import type { PaillierEngine } from "../paillier/private/paillier_engine.ts";
import type { CallOptions, Reply } from "./transport.ts";
import { decodeRoundResponse, encodeRoundRequest } from "../wire/codec.ts";
import { shardRange } from "../wire/messages.ts";
import type { InferencePlan, RoundPlan } from "../wire/plan.ts";

/** Room for a token and framing beside the ciphertexts of an answer. */
const framingBytes = 8192;

/** What an inference runs on; the session provides it. */
export interface InferenceContext {
  plan: InferencePlan;
  owner: PaillierEngine;
  clock: Clock;
  activations?: ActivationRegistry;
  signal?: AbortSignal;
  /** When requests leave. */
  grid: ReleaseGrid;
  /** Posts a body, with retries. */
  post(path: string, body: Uint8Array, options: CallOptions): Promise<Reply>;
  onState(state: SessionState): void;
  onRound(round: number, report: RoundReport): void;
}

/** What an inference gives. */
export interface InferenceResult {
  /** Integers of the activations that outputs are parts of, by name. */
  activations: ReadonlyMap<string, IntegerTensor>;
  /** Values that were clamped, over all rounds and samples. */
  clampedValues: number;
  rounds: RoundReport[];
  /**
   * The first fault of the gateway's own work on decrypted values (a custom
   * activation that threw), or null. The outputs are then worth nothing; whoever runs
   * the inference reports it once nothing more is sent.
   */
  fault: { reason: unknown } | null;
}

/**
 * Runs every round of one inference.
 *
 * What is sent depends on the plan alone. Decrypted values decide only what the
 * ciphertexts hold, so that a malicious cloud that answers with ciphertexts of
 * its own learns nothing from what follows; faults of form (counts, tokens) stop
 * the inference whatever the values are. A fault of the gateway's own work on
 * decrypted values does not stop it: the result tells it after the last round.
 *
 * @param inputs quantised integers, one array per sample, by name
 * @param token opens round 0
 */
export async function runInference(
  context: InferenceContext,
  inputs: ReadonlyMap<string, IntegerTensor>,
  token: Uint8Array,
): Promise<InferenceResult> {
  const { plan } = context;
  const live = new Map(inputs);
  const rounds: RoundReport[] = [];
  const lastRead = lastReaders(plan);
  let clampedValues = 0;
  let fault: InferenceResult["fault"] = null;
  const work: ActivationContext = {
    modulus: context.owner.publicKey.modulus,
    activations: context.activations,
    keep: (reason) => fault ??= { reason },
  };
  for (const [index, round] of plan.rounds.entries()) {
    const result = await runRound(context, work, index, { live, token });
    token = result.token;
    clampedValues += result.clampedValues;
    live.set(round.writes, result.output);
    for (const name of live.keys()) {
      if (!((lastRead.get(name) ?? -1) > index)) live.delete(name);
    }
    rounds.push(result.report);
    context.onRound(index, result.report);
  }
  return { activations: live, clampedValues, rounds, fault };
}

interface RoundResult {
  output: IntegerTensor;
  clampedValues: number;
  token: Uint8Array;
  report: RoundReport;
}

async function runRound(
  context: InferenceContext,
  work: ActivationContext,
  index: number,
  { live, token }: {
    live: Map<string, IntegerTensor>;
    token: Uint8Array;
  },
): Promise<RoundResult> {
  const { owner, clock, signal } = context;
  const round = context.plan.rounds[index];
  const started = clock.now();
  context.onState({ state: "encrypting", round: index });
  const plaintexts = packOrZeros(round.layout, live, work);
  const ciphertexts = await owner.encryptBatch(plaintexts, { signal });
  const encrypted = clock.now();

  context.onState({ state: "evaluating", round: index });
  const body = encodeRoundRequest({ token, ciphertexts });
  await context.grid.wait(signal);
  const evaluated = await evaluate(context, index, round, body);
  const answered = clock.now();

  context.onState({ state: "decrypting", round: index });
  const residues = await owner.decryptBatch(evaluated.ciphertexts, { signal });
  const { output, clampedValues } = activate(
    round,
    accumulatedShape(round),
    residues,
    { ...work, live },
  );
  const finished = clock.now();
  return {
    output,
    clampedValues,
    token: evaluated.token,
    report: {
      ciphertextsUp: plaintexts.length,
      ciphertextsDown: residues.length,
      bytesUp: round.shards * body.length,
      bytesDown: evaluated.bytesDown,
      encryptMs: encrypted - started,
      evaluateMs: evaluated.evaluateMs ?? answered - encrypted,
      decryptMs: finished - answered,
      totalMs: finished - started,
    },
  };
}

/** Shape of one sample of a round's accumulators. */
function accumulatedShape({ layout }: RoundPlan): number[] {
  return layout.kind === "spatial" ? layout.output : [layout.outputLength];
}

/** Asks for the shards of a round, some at a time, and joins their answers. */
async function evaluate(
  context: InferenceContext,
  index: number,
  round: RoundPlan,
  body: Uint8Array,
) {
  const { plan, owner } = context;
  const { ciphertextBytes } = owner.publicKey;
  const answers = answerCiphertexts(round.layout);

  const askShard = async (shard: number, signal: AbortSignal) => {
    const [from, to] = shardRange(answers, shard, round.shards);
    const expectedBytes = (to - from) * ciphertextBytes;
    const reply = await context.post(
      `v1/rounds/${index}?shard=${shard}/${round.shards}`,
      body,
      { maxBytes: expectedBytes + framingBytes, signal },
    );
    const response = decodeRoundResponse(reply.body);
    if (response.ciphertexts.length !== expectedBytes) {
      throw new CipherlayerError(
        "count-mismatch",
        `Cannot accept answer of round ${index}: expected ${
          to - from
        } ciphertexts (${expectedBytes} bytes), got ${response.ciphertexts.length} bytes`,
      );
    }
    return { response, reply };
  };

  const shards = await askShards(round.shards, context.signal, askShard);
  const { token } = shards[0].response;
  checkNextToken(token, index, plan.rounds.length);
  checkSameToken(shards.map(({ response }) => response.token), index);
  const parts = shards.map(({ response }) => response.ciphertexts);
  const times = shards.map(({ reply }) => reply.evaluateMs);
  return {
    token,
    ciphertexts: concat(...parts),
    bytesDown: shards.reduce((sum, { reply }) => sum + reply.body.length, 0),
    evaluateMs: times.includes(null) ? null : Math.max(...times as number[]),
  };
}
