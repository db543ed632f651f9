/**
 * Sealed inferences against functions over HTTP: the gateway learns labels and nothing
 * else of the model.
 *
 * @module
 */
import { inputActivations, quantise } from "../fixed_point/quantise.ts";
import { copyOfReading, type Reading } from "../fixed_point/reading.ts";
import { makeKernel } from "../garbling/kernel.ts";
import type { SealedPlan, SealedRound } from "../garbling/rounds/round.ts";
import { garbledBytes } from "../garbling/rounds/run.ts";
import { PaillierEngine } from "../paillier/private/paillier_engine.ts";
import type { PrivateKey } from "../paillier/private/private_key.ts";
import { bitLength, bytesFromBigInt } from "../paillier/public/big_integer.ts";
import { checkPlan } from "../session/check_plan.ts";
import {
  exponentialBackoff,
  type RetryPolicy,
  withRetries,
} from "../session/retry.ts";
import { createTransport, type Transport } from "../session/transport.ts";
import { type Clock, platformClock } from "../support/clock.ts";
import { CipherlayerError } from "../support/errors.ts";
import {
  answerCiphertexts,
  blockSlots,
  foldOf,
  outputValues,
} from "../fixed_point/layout.ts";
import {
  batchAnswerBytes,
  rootLeaves,
  setupAnswerBytes,
} from "../transfer/chain.ts";
import { basesOf, leavesFor } from "../transfer/code_shape.ts";
import {
  type Pending,
  type SentChoices,
  startTransfers,
  type TransferBatch,
} from "../transfer/receiver.ts";
import { decodeSessionResponse, encodeSessionRequest } from "../wire/codec.ts";
import type { InferencePlan } from "../wire/plan.ts";
import { decodeSealed, encodeSealed } from "../wire/sealed_messages.ts";
import { SealedInference, sealedRounds } from "./inference.ts";

/** Options of {@linkcode connectSealed}. */
export interface SealedOptions {
  /** Where the functions run. */
  url: string | URL;
  /** Name of a sealed model that they serve. */
  model: string;
  /** An engine stays the caller's. */
  keys: PrivateKey | PaillierEngine;
  /** Readings of an inference. @default 1 */
  samples?: number;
  /** Bearer token of the caller's account. */
  token?: string;
  /** @default the platform's */
  fetch?: typeof fetch;
  /** @default `exponentialBackoff` */
  retry?: RetryPolicy;
  /** @default the platform's */
  clock?: Clock;
  /** A call without an answer after this time is tried again. @default 120,000 */
  timeoutMs?: number;
}

/** What a reading is taken for. */
export interface SealedAnswer {
  /** Number of the label. */
  label: number;
  /** Its name, if the model has names. */
  name: string | null;
}

const maxPlanBytes = 1 << 24;
/** Beside what a message is made of: tokens and CBOR. */
const messageBytes = 1 << 14;
const maxGarbledBytes = 1 << 22;

/** Transfers of this process: never stored, and each used once. */
interface Transfers {
  root: TransferBatch;
  token: Uint8Array;
}

/** Difference of the two clocks that counts as none: wall clocks are set now and then. */
const clockToleranceMs = 5000;

/** What the wall clock has beyond the monotonic one: it jumps where a machine was stopped. */
const wallBeyondMonotonic = (clock: Clock): number => Date.now() - clock.now();

/**
 * Opens a sealed session: proves the key, fetches the plan, begins oblivious transfer.
 *
 * @throws {CipherlayerError} if the functions cannot be reached, refuse the key or the model, or send a
 * plan that makes no sense
 */
export async function connectSealed(
  options: SealedOptions,
): Promise<SealedSession> {
  const { keys, samples = 1 } = options;
  const owner = keys instanceof PaillierEngine
    ? keys
    : new PaillierEngine(keys);
  const calls = new Calls(options);
  try {
    const { modulus } = owner.publicKey, modulusBits = bitLength(modulus);
    const reply = decodeSealed(
      "sessionResponse",
      await calls.post(
        "sessions",
        encodeSessionRequest({
          model: options.model,
          modulus: bytesFromBigInt(modulus, modulusBits / 8),
          proof: owner.keyProof(),
          samples,
        }),
        maxPlanBytes,
      ),
    );
    const { plan: told, token } = decodeSessionResponse(reply.session);
    // The last round's steps give scores; their circuit tells the label of the largest.
    const scored: InferencePlan = { ...told, reveal: "scores" };
    checkPlan(scored, { samples, modulusBits });
    if (reply.valueBits.length !== told.rounds.length) {
      throw new CipherlayerError(
        "malformed",
        "Cannot use the plan: expected a width for each round",
      );
    }
    const plan: SealedPlan = {
      ...told,
      rounds: told.rounds.map((round, i) => ({
        ...round,
        valueBits: reply.valueBits[i],
      })),
    };
    return new SealedSession({
      plan,
      token,
      owner,
      calls,
      ownsKey: owner !== keys,
    });
  } catch (error) {
    if (owner !== keys) owner[Symbol.dispose]();
    throw error;
  }
}

/** Posts to the functions, and again where that may help: byte for byte the same. */
class Calls {
  readonly #transport: Transport;
  readonly #retry: { policy: RetryPolicy; clock: Clock };
  readonly clock: Clock;

  constructor(options: SealedOptions) {
    const { url, token, fetch, timeoutMs = 120_000 } = options;
    this.#transport = createTransport({ url, token, fetch, timeoutMs });
    this.clock = options.clock ?? platformClock;
    this.#retry = {
      policy: options.retry ?? exponentialBackoff(),
      clock: this.clock,
    };
  }

  async post(
    path: string,
    body: Uint8Array,
    maxBytes: number,
  ): Promise<Uint8Array> {
    const reply = await withRetries(
      () => this.#transport(`v1/sealed/${path}`, body, { maxBytes }),
      this.#retry,
    );
    return reply.body;
  }
}

/** Inferences with one sealed model under one key, one after another. */
export class SealedSession {
  readonly plan: SealedPlan;
  readonly #rounds: readonly SealedRound[];
  readonly #token: Uint8Array;
  readonly #owner: PaillierEngine;
  readonly #calls: Calls;
  readonly #ownsKey: boolean;
  readonly #gates = makeKernel();
  readonly #leaves: number;
  #transfers: Transfers | undefined;
  /** When they began, as the difference of the two clocks. */
  #beganAt = 0;
  #queue: Promise<unknown> = Promise.resolve();

  /** @throws {CipherlayerError} `unsupported` if a round of the plan cannot be sealed or is too large */
  constructor(
    { plan, token, owner, calls, ownsKey }: {
      plan: SealedPlan;
      token: Uint8Array;
      owner: PaillierEngine;
      calls: Calls;
      /** Whether the engine ends with the session. */
      ownsKey: boolean;
    },
  ) {
    this.plan = plan;
    // Before circuits are made: unmasking alone takes this much, about.
    for (const { layout, valueBits } of plan.rounds) {
      const values = outputValues(layout) * blockSlots(layout);
      checkGarbled(16 * values * valueBits / foldOf(layout));
    }
    this.#rounds = sealedRounds(plan);
    for (const { stages } of this.#rounds) checkGarbled(garbledBytes(stages));
    this.#token = token;
    this.#owner = owner;
    this.#calls = calls;
    this.#ownsKey = ownsKey;
    this.#leaves = leavesFor(
      this.#rounds.reduce((sum, { chosen }) => sum + chosen.bit.length, 0),
    );
  }

  /**
   * The labels of `plan.samples` readings.
   *
   * @throws as {@linkcode quantise}, before anything is sent, if a reading is none of the model's
   * @throws {CipherlayerError} on faults of network (after retries) and protocol
   */
  async infer(readings: readonly Reading[]): Promise<SealedAnswer[]> {
    // Copied now: its caller may fill a buffer anew while an inference waits.
    const taken = Array.from(readings, copyOfReading);
    const result = this.#queue.then(() => this.#infer(taken));
    this.#queue = result.catch(() => {});
    return await result;
  }

  /** Releases memory, after what is running; the session cannot be used after. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue;
    this.#transfers = undefined;
    if (this.#ownsKey) this.#owner[Symbol.dispose]();
  }

  async #infer(
    readings: readonly Reading[],
  ): Promise<SealedAnswer[]> {
    const { plan } = this, rounds = this.#rounds;
    if (readings.length !== plan.samples) {
      throw new RangeError(
        `Cannot infer: expected ${plan.samples} readings, got ${readings.length}`,
      );
    }
    const inference = new SealedInference(
      {
        plan,
        rounds,
        modulus: this.#owner.publicKey.modulus,
        gates: this.#gates,
      },
      inputActivations(
        readings.map((reading) => quantise(reading, plan)),
        plan.inputs,
      ),
    );
    let token = this.#token;
    let batch: Transfers | undefined;
    for (let index = 0; index < rounds.length; index++) {
      const asked = batch ? null : await this.#askForBatch();
      const size = this.#ciphertextBytes(index);
      const linear = decodeSealed(
        "linearResponse",
        await this.#calls.post(
          `rounds/${index}`,
          encodeSealed({
            token,
            ciphertexts: await this.#owner.encryptBatch(
              inference.plaintexts(index),
            ),
            batch: asked && { token: asked.token, ...asked.pending.request },
          }),
          size + batchAnswerBytes(this.#leaves) + messageBytes,
        ),
      );
      if (asked) batch = received(asked.pending, linear.batch);
      checkSize(linear.ciphertexts, size);
      const call = inference.choose(
        index,
        await this.#owner.decryptBatch(linear.ciphertexts),
        batch!.root,
      );
      const answer = decodeSealed(
        "activationResponse",
        await this.#calls.post(
          `activations/${index}`,
          encodeSealed({
            token: linear.token,
            batch: batch!.token,
            ...call.request,
          }),
          garbledBytes(rounds[index].stages) + messageBytes,
        ),
      );
      const garbled = call.begin(answer.salt);
      garbled.push(answer.garbled);
      garbled.finish();
      token = answer.token;
    }
    const [{ labels: names }] = plan.outputs;
    return inference.labels!.map((label) => ({
      label,
      name: names?.[label] ?? null,
    }));
  }

  #ciphertextBytes(index: number): number {
    const bytes = bitLength(this.#owner.publicKey.modulus) / 4;
    return answerCiphertexts(this.plan.rounds[index].layout) * bytes;
  }

  /** Draws the places of a batch for one inference, now that it begins. */
  async #askForBatch() {
    const { root, token } = this.#transfers = await this.#root();
    return { token, pending: root.extend(this.#leaves) };
  }

  /** A root with transfers for one more batch and for the root after it. */
  async #root(): Promise<Transfers> {
    const known = this.#transfers, now = wallBeyondMonotonic(this.#calls.clock);
    // A machine that was copied or set back would use its transfers twice.
    if (!known || Math.abs(now - this.#beganAt) > clockToleranceMs) {
      this.#transfers = undefined;
      this.#beganAt = now;
      const start = startTransfers(this.#gates);
      const request = { token: this.#token, request: start.request };
      const reply = await this.#calls.post(
        "transfers",
        encodeSealed(request),
        setupAnswerBytes + messageBytes,
      );
      return received(start, decodeSealed("batchResponse", reply));
    }
    const { root, token } = known;
    if (root.left >= basesOf(this.#leaves) + basesOf(rootLeaves)) return known;
    const pending = root.extend(rootLeaves);
    const reply = await this.#calls.post(
      "roots",
      encodeSealed({ token, ...pending.request }),
      batchAnswerBytes(rootLeaves) + messageBytes,
    );
    return received(pending, decodeSealed("batchResponse", reply));
  }
}

function received(
  pending: Pending<Uint8Array> | Pending<SentChoices>,
  reply: { token: Uint8Array; answer: Uint8Array } | null,
): Transfers {
  if (!reply) {
    throw new CipherlayerError(
      "malformed",
      "Cannot go on: expected a batch of transfers, got none",
    );
  }
  return { root: pending.finish(reply.answer), token: reply.token };
}

/** @throws {CipherlayerError} `unsupported` */
function checkGarbled(bytes: number): void {
  if (bytes <= maxGarbledBytes) return;
  throw new CipherlayerError(
    "unsupported",
    `Cannot use the plan: expected garbled calls of at most ${maxGarbledBytes} bytes, got ${bytes}`,
  );
}

function checkSize(ciphertexts: Uint8Array, expected: number): void {
  if (ciphertexts.length === expected) return;
  throw new CipherlayerError(
    "count-mismatch",
    `Cannot decrypt a round: expected ${expected} bytes of answers, got ${ciphertexts.length}`,
  );
}
