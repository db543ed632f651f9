/**
 * Sealed inferences against functions: two calls a round, and the gateway learns labels
 * and nothing else of the model.
 *
 * What is sent depends on the plan alone: as many bytes in as many calls, whatever is
 * decrypted and whatever garbled circuits come. Only sizes are checked, which the plan
 * gives.
 *
 * @module
 */
import type { IntegerTensor } from "../fixed_point/integer_tensor.ts";
import { answerCiphertexts } from "../fixed_point/layout.ts";
import type { SealedPlan, SealedRound } from "../garbling/rounds/round.ts";
import { garbledShards } from "../garbling/rounds/round.ts";
import { garbledBytes } from "../garbling/rounds/run.ts";
import { shardStages } from "../garbling/rounds/shard.ts";
import { batchesOf } from "../garbling/rounds/sealed_rounds.ts";
import type { RoundReport } from "../session/events.ts";
import {
  askShards,
  checkNextToken,
  checkSameToken,
} from "../session/shards.ts";
import type {
  InferenceContext,
  InferenceResult,
} from "../session/inference.ts";
import { concat } from "../support/bytes.ts";
import { CipherlayerError } from "../support/errors.ts";
import { batchAnswerBytes } from "../transfer/chain.ts";
import { sequenceBytes } from "../wire/byte_sequence.ts";
import { shardRange } from "../wire/messages.ts";
import {
  decodeSealed,
  encodeSealed,
  type LinearRequest,
  type LinearResponse,
} from "../wire/sealed_messages.ts";
import { GarbledReply, maxReplyItems } from "./garbled_reply.ts";
import { SealedInference } from "./inference.ts";
import {
  type Batch,
  framingBytes,
  type PostSealed,
  type Transfers,
} from "./transfers.ts";

/** Bodies of one round so far. */
interface Traffic {
  bytesUp: number;
  bytesDown: number;
}

/** Inferences of one plan, one after another. */
export class SealedInferences {
  readonly #plan: SealedPlan;
  readonly #rounds: readonly SealedRound[];
  readonly #transfers: Transfers;
  /** Transfers of the batch that each round asks for; 0: none. */
  readonly #batches: readonly number[];

  /**
   * @param rounds of the plan, as `sealedRoundsPaced` makes them
   * @param transfers of the gateway
   */
  constructor(
    plan: SealedPlan,
    rounds: readonly SealedRound[],
    transfers: Transfers,
  ) {
    this.#plan = plan;
    this.#rounds = rounds;
    this.#transfers = transfers;
    this.#batches = batchesOf(this.#rounds);
  }

  /** Sets transfers up, so that the first inference need not. */
  prepare(token: Uint8Array, post: PostSealed): Promise<void> {
    return this.#transfers.prepare(this.#batches[0], token, post);
  }

  /** Runs every round of one inference, as `runInference` does for other plans. */
  async run(
    context: InferenceContext,
    inputs: ReadonlyMap<string, IntegerTensor>,
    token: Uint8Array,
  ): Promise<InferenceResult> {
    const { modulus } = context.owner.publicKey;
    const plan = this.#plan, rounds = this.#rounds;
    const { gates } = this.#transfers;
    const inference = new SealedInference(
      { plan, rounds, modulus, gates },
      inputs,
    );
    const reports: RoundReport[] = [];
    let batch: Batch | null = null;
    for (let index = 0; index < rounds.length; index++) {
      const state = { inference, index, token, batch };
      const result = await this.#runRound(context, state);
      ({ token, batch } = result);
      reports.push(result.report);
      context.onRound(index, result.report);
    }
    const [{ tensor, start }] = plan.outputs;
    const samples = inference.labels!.map((label) => {
      const values = new Float64Array(start + 1);
      values[start] = label;
      return values;
    });
    const label = { shape: [start + 1], samples };
    return {
      activations: new Map([[tensor, label]]),
      clampedValues: 0,
      rounds: reports,
      fault: null,
    };
  }

  async #runRound(
    context: InferenceContext,
    { inference, index, token, batch }: {
      inference: SealedInference;
      index: number;
      token: Uint8Array;
      /** Of the rounds so far; null in the first one. */
      batch: Batch | null;
    },
  ): Promise<{ report: RoundReport; token: Uint8Array; batch: Batch }> {
    const { owner, clock, signal } = context;
    const traffic: Traffic = { bytesUp: 0, bytesDown: 0 };
    const post = async (path: string, body: Uint8Array, maxBytes: number) => {
      await context.grid.wait(signal);
      const options = { maxBytes, signal };
      const reply = await context.post(`v1/sealed/${path}`, body, options);
      traffic.bytesUp += body.length;
      traffic.bytesDown += reply.body.length;
      return reply;
    };
    const started = clock.now();
    context.onState({ state: "encrypting", round: index });
    const size = this.#batches[index];
    const asked = size === 0 ? null : await this.#transfers.ask(
      size,
      token,
      async (...call) => (await post(...call)).body,
    );
    const plaintexts = inference.plaintexts(index);
    const ciphertexts = await owner.encryptBatch(plaintexts, { signal });
    const encrypted = clock.now();

    context.onState({ state: "evaluating", round: index });
    const linear = await this.#askLinear(context, traffic, index, {
      token,
      ciphertexts,
      batch: asked && asked.request,
    });
    const own = asked ? asked.receive(linear.batch) : batch!;
    const answered = clock.now();

    context.onState({ state: "decrypting", round: index });
    const residues = await owner.decryptBatch(linear.ciphertexts, { signal });
    const call = inference.choose(index, residues, own.transfers);
    context.onState({ state: "activating", round: index });
    const next = await this.#activate(context, traffic, { index, call }, {
      token: linear.token,
      batch: own.token,
      ...call.request,
    });
    const finished = clock.now();
    return {
      token: next,
      batch: own,
      report: {
        ciphertextsUp: plaintexts.length,
        ciphertextsDown: residues.length,
        ...traffic,
        encryptMs: encrypted - started,
        evaluateMs: linear.evaluateMs ?? answered - encrypted,
        decryptMs: finished - answered,
        totalMs: finished - started,
      },
    };
  }

  /** The linear call, in the plan's shards. */
  async #askLinear(
    { grid, post, owner, signal }: InferenceContext,
    traffic: Traffic,
    index: number,
    request: LinearRequest,
  ): Promise<LinearResponse & { evaluateMs: number | null }> {
    const body = encodeSealed(request);
    const { layout, shards } = this.#plan.rounds[index];
    const batchBytes = request.batch
      ? batchAnswerBytes(this.#batches[index])
      : 0;
    await grid.wait(signal);
    const parts = await askShards(shards, signal, async (shard, signal) => {
      const [from, to] = shardRange(answerCiphertexts(layout), shard, shards);
      const size = (to - from) * owner.publicKey.ciphertextBytes;
      const maxBytes = size + batchBytes + framingBytes;
      const path = `v1/sealed/rounds/${index}${partOf(shard, shards)}`;
      const reply = await post(path, body, { maxBytes, signal });
      traffic.bytesUp += body.length;
      traffic.bytesDown += reply.body.length;
      const linear = decodeSealed("linearResponse", reply.body);
      checkAnswer(linear.ciphertexts, size, index);
      return { ...linear, evaluateMs: reply.evaluateMs };
    });
    checkSameToken(parts.map(({ token }) => token), index);
    const times = parts.map(({ evaluateMs }) => evaluateMs);
    return {
      ...parts[0],
      ciphertexts: concat(...parts.map(({ ciphertexts }) => ciphertexts)),
      evaluateMs: times.includes(null) ? null : Math.max(...times as number[]),
    };
  }

  /** The garbled call, in the plan's shards. @returns the token of the next linear one */
  async #activate(
    { grid, post, signal }: InferenceContext,
    traffic: Traffic,
    { index, call }: {
      index: number;
      call: ReturnType<SealedInference["choose"]>;
    },
    request: Parameters<typeof encodeSealed>[0],
  ): Promise<Uint8Array> {
    const body = encodeSealed(request);
    const { stages } = this.#rounds[index];
    const shards = garbledShards(this.#plan, index);
    await grid.wait(signal);
    const tokens = await askShards(shards, signal, async (shard, signal) => {
      const own = shardStages(stages, shard, shards);
      const maxItems = maxReplyItems(own), part = { shard, shards };
      const begin = () => new GarbledReply(call, { part, maxItems, signal });
      let reply = begin();
      const path = `v1/sealed/activations/${index}${partOf(shard, shards)}`;
      await post(path, body, {
        maxBytes: sequenceBytes(maxItems, garbledBytes(own)) + framingBytes,
        signal,
        into: () => reply = begin(),
      });
      traffic.bytesUp += body.length;
      traffic.bytesDown += reply.bytes;
      return reply.head.token;
    });
    checkSameToken(tokens, index);
    const [token] = tokens;
    checkNextToken(token, index, this.#rounds.length);
    return token;
  }
}

const partOf = (shard: number, shards: number): string =>
  shards === 1 ? "" : `?shard=${shard}/${shards}`;

function checkAnswer(
  ciphertexts: Uint8Array,
  expected: number,
  index: number,
): void {
  if (ciphertexts.length === expected) return;
  throw new CipherlayerError(
    "count-mismatch",
    `Cannot accept answer of round ${index}: expected ${expected} bytes of ciphertexts, got ${ciphertexts.length}`,
  );
}
