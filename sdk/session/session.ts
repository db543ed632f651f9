/**
 * Sessions: connect to the functions once, infer often.
 *
 * @module
 */
import { type Answer, readOutputs } from "./answer.ts";
import {
  checkOptions,
  inferencesOf,
  isKeyStore,
  loadKey,
  openSession,
} from "./connecting.ts";
import { ContractKeeper } from "./contract_keeper.ts";
import { type Clock, orAborted, platformClock } from "../support/clock.ts";
import { emit, SessionEvents } from "./events.ts";
import {
  type GivenIntegers,
  inputActivations,
  nextStates,
  withStates,
} from "../fixed_point/quantise.ts";
import type { Reading } from "../fixed_point/reading.ts";
import { IdleFilling } from "./idle_filling.ts";
import type { runInference } from "./inference.ts";
import { leakageReport } from "./leakage.ts";
import { PaillierEngine } from "../paillier/private/paillier_engine.ts";
import type { PrivateKey } from "../paillier/private/private_key.ts";
import { isOfForeignToken, isOfToken } from "./renewal.ts";
import { QuantisedReadings } from "./quantised_readings.ts";
import { ReleaseGrid } from "./release_grid.ts";
import { Transfers } from "../sealed/transfers.ts";
import {
  againIfStopped,
  MachineStopped,
  MachineWatch,
} from "../support/machine_watch.ts";
import { sum } from "../support/numbers.ts";
import { exponentialBackoff, type RetryPolicy, withRetries } from "./retry.ts";
import type { ConnectOptions, InferOptions } from "./session_options.ts";
import {
  type CallOptions,
  createTransport,
  type Transport,
} from "./transport.ts";
import type { SessionResponse } from "../wire/messages.ts";
import type { InferencePlan } from "../wire/plan.ts";

/** Readings that share ciphertexts. */
interface Batch {
  /** Their integers under the contract of now. */
  integers(): readonly GivenIntegers[];
  signal: AbortSignal;
  /** Keeps a fault of the gateway's own work until nothing more is sent. */
  keep(fault: unknown): void;
}

/**
 * Opens a session: proves the key, fetches the plan and the first token. Whether the
 * model is sealed its plan tells; then oblivious transfers are set up as well, which
 * takes both sides a second.
 *
 * @throws {CipherlayerError} if the functions cannot be reached (after retries),
 * refuse the key or model, or send a plan that makes no sense; `contract-changed` if
 * the model has another contract than the one pinned or known
 * @throws {RangeError} if `samples` is not a positive integer, or `paceMs` not one of
 * 0 to 60,000
 * @throws {TypeError} if `url`, `model`, `keys`, `token`, `timeoutMs` or `contract`
 * is not what it should be, the model uses an activation that is not registered, or
 * the key store holds no key
 *
 * @example A whole inference, and what to do when the cloud is away
 * ```ts
 * import { CipherlayerError, connect, exponentialBackoff, generatePrivateKey } from "@cipherlayer/sdk";
 *
 * const keys = await generatePrivateKey(2048);
 * try {
 *   await using session = await connect({
 *     url: "http://127.0.0.1:9",
 *     model: "lenet-mnist",
 *     keys,
 *     retry: exponentialBackoff({ attempts: 2 }),
 *   });
 *   session.addEventListener("round", ({ detail }) => console.log(detail.round));
 *   const { predicted, totalMs } = await session.infer(new Float64Array(784));
 *   console.log(predicted, totalMs);
 * } catch (error) {
 *   // Nothing listens at this address.
 *   if (!(error instanceof CipherlayerError) || error.code !== "network") throw error;
 * }
 * ```
 */
export function connect(options: ConnectOptions): Promise<Session> {
  return Session.connect(options);
}

/**
 * Private inference with one model under one key. Inferences of a session run
 * one after another. While it is idle, encryption randomness for the next
 * inference is computed ahead.
 *
 * @example
 * ```ts
 * import type { Session } from "@cipherlayer/sdk";
 *
 * // `connect` makes sessions; `await using` closes them.
 * async function readRoom(session: Session, room: Record<string, number>) {
 *   const { label } = await session.infer(room);
 *   return label;
 * }
 * console.log(typeof readRoom);
 * ```
 */
export class Session extends SessionEvents {
  readonly #options: ConnectOptions;
  readonly #owner: PaillierEngine;
  readonly #transport: Transport;
  readonly #retry: RetryPolicy;
  readonly #clock: Clock;
  readonly #grid: ReleaseGrid;
  readonly #contracts: ContractKeeper;
  readonly #idleFilling: IdleFilling;
  readonly #transfers: Transfers;
  readonly #machine: MachineWatch;
  readonly #closing = new AbortController();
  #opened!: SessionResponse;
  #run!: typeof runInference;
  /** Integers of the states for the next inference; undefined: those of 0. */
  #states?: ReadonlyMap<string, Float64Array>;
  #queue: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  private constructor(
    options: ConnectOptions,
    keys: PrivateKey | PaillierEngine,
  ) {
    super();
    this.#options = options;
    this.#owner = keys instanceof PaillierEngine
      ? keys
      : new PaillierEngine(keys, {
        random: options.random,
        memory: options.memory,
      });
    this.#idleFilling = new IdleFilling(this.#owner);
    this.#transport = createTransport({
      url: options.url,
      token: options.token,
      fetch: options.fetch,
      timeoutMs: options.timeoutMs ?? 120_000,
    });
    this.#retry = options.retry ??
      exponentialBackoff({ random: options.random });
    this.#clock = options.clock ?? platformClock;
    this.#transfers = new Transfers(this.#clock);
    this.#machine = new MachineWatch(this.#clock);
    const { onRetry } = options;
    if (onRetry) {
      this.addEventListener("retry", ({ detail }) => onRetry(detail));
    }
    this.#grid = new ReleaseGrid(this.#clock, options.paceMs ?? 0);
    this.#contracts = new ContractKeeper({
      model: options.model,
      pinned: options.contract,
      store: isKeyStore(options.keys) ? options.keys.contracts : undefined,
      accept: options.onContractChange,
    });
  }

  /** See the function {@linkcode connect}. */
  static async connect(options: ConnectOptions): Promise<Session> {
    checkOptions(options);
    const session = new Session(options, await loadKey(options.keys));
    try {
      await session.#open(options.signal);
    } catch (error) {
      await session.close();
      throw error;
    }
    session.#idleFilling.start(session.plan);
    return session;
  }

  /** Name of the model. */
  get model(): string {
    return this.#opened.model;
  }

  /** Version of the model that this session is bound to. */
  get version(): string {
    return this.#opened.version;
  }

  /**
   * The contract that the model keeps: `sha256:` and 64 hexadecimal digits, the same
   * for every key length, batch and sealing key. Pass it to {@linkcode connect} to pin it.
   */
  get contract(): string {
    return this.#contracts.current;
  }

  /** What the cloud told about the model: geometry, never weights. */
  get plan(): InferencePlan {
    return this.#opened.plan;
  }

  /**
   * Evaluates the model on one reading.
   *
   * @param reading in the units and range of the model's inputs: all values in
   * row-major order, nested lists of the model's shape, or a record by name
   * (`{ temperature: 21.5, ... }`)
   * @throws {TypeError} before anything is sent, naming index or name of what is no
   * number, is missing or does not belong there
   * @throws {RangeError} before anything is sent, if there are too few or too many
   * values, or one is outside the model's range
   * @throws {CipherlayerError} on faults of network (after retries) and protocol
   */
  async infer(
    reading: Reading,
    options: InferOptions = {},
  ): Promise<Answer> {
    return (await this.inferMany([reading], options))[0];
  }

  /**
   * Evaluates the model on many readings, `samples` at a time (an option of
   * {@linkcode connect}) in the slots of the same ciphertexts.
   *
   * @param readings copied at once: the caller may change them while it waits
   * @returns answers in the order of the readings
   * @throws {TypeError} if `readings` is a single reading; after the last round, if
   * a custom activation threw or gave no finite number; else as {@linkcode infer} does
   */
  inferMany(
    readings: Reading[],
    options: InferOptions = {},
  ): Promise<Answer[]> {
    let taken: QuantisedReadings;
    try {
      taken = new QuantisedReadings(readings, options.clamp);
    } catch (error) {
      return Promise.reject(error);
    }
    const before = this.#queue;
    this.#waiting++;
    const result = orAborted(before, this.#joinSignals(options.signal))
      .finally(() => this.#waiting--)
      .then(() => this.#inferAll(taken, options.signal));
    // One that gave up waiting does not let the next one pass.
    this.#queue = Promise.allSettled([before, result]).then(() => {});
    return result;
  }

  /** Calls of {@linkcode infer} and {@linkcode inferMany} that wait for those before. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Resolves when the randomness of the next inference has been computed ahead, as
   * happens by itself while the session is idle. An inference need not wait for it.
   */
  async whenPrepared(): Promise<void> {
    await this.#queue;
    await this.#idleFilling.done;
  }

  /**
   * Forgets what earlier inferences left in the model's states, if it has any: the
   * next one begins with 0, as the first did.
   */
  resetStates(): void {
    this.#states = undefined;
  }

  /** Ends what is running and releases memory. The session cannot be used after. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(
      new DOMException("The session has been closed", "AbortError"),
    );
    await this.#idleFilling.stop();
    await this.#queue;
    if (this.#owner !== this.#options.keys) this.#owner[Symbol.dispose]();
    emit(this, "state", { state: "closed" });
  }

  /** As {@linkcode Session.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #inferAll(
    readings: QuantisedReadings,
    ownSignal?: AbortSignal,
  ): Promise<Answer[]> {
    const signal = this.#joinSignals(ownSignal);
    signal.throwIfAborted();
    await this.#idleFilling.stop();
    try {
      // Every reading is checked before any is sent.
      const { length } = readings.under(this.contract, this.plan);
      const size = this.#options.samples ?? 1;
      const answers: Answer[] = [];
      // Told when nothing more is sent, so that no request depends on one.
      const faults: unknown[] = [];
      for (let from = 0; from < length; from += size) {
        const given = await this.#inferBatch({
          integers: () =>
            readings.under(this.contract, this.plan).slice(from, from + size),
          signal,
          keep: (fault) => faults.push(fault),
        });
        answers.push(...given);
      }
      if (faults.length > 0) throw faults[0];
      return answers;
    } finally {
      if (!this.#closing.signal.aborted) {
        emit(this, "state", { state: "ready" });
        this.#idleFilling.start(this.plan);
      }
    }
  }

  async #inferBatch(batch: Batch): Promise<Answer[]> {
    const infer = () => againIfStopped(() => this.#inferOnce(batch));
    try {
      return await infer();
    } catch (error) {
      if (!isOfToken(error)) throw error;
      if (isOfForeignToken(error)) this.#transfers.drop();
    }
    await this.#open(batch.signal);
    try {
      return await infer();
    } catch (error) {
      // Whatever it was, the next inference has nothing of this one.
      this.#transfers.drop();
      throw error;
    }
  }

  async #inferOnce({ integers, signal, keep }: Batch): Promise<Answer[]> {
    const { plan, token } = this.#opened;
    const started = this.#clock.now();
    const readings = integers().map((given) =>
      withStates(given, plan, this.#states)
    );
    const samples = [...readings];
    // Empty slots repeat the last reading: the cloud cannot tell.
    while (samples.length < plan.samples) samples.push(samples.at(-1)!);
    const { activations, rounds, clampedValues, fault } = await this.#run(
      {
        plan,
        owner: this.#owner,
        clock: this.#clock,
        activations: this.#options.activations,
        signal,
        grid: this.#grid,
        post: (path, body, call) => this.#post(path, body, call),
        onState: (state) => emit(this, "state", state),
        onRound: (round, report) =>
          emit(this, "round", { round, rounds: plan.rounds.length, report }),
      },
      inputActivations(samples, plan.inputs),
      token,
    );
    if (fault) keep(fault.reason);
    const outputs = readings.map((_, sample) =>
      readOutputs(activations, sample, plan)
    );
    if (plan.states.length > 0 && !fault) {
      const values = Object.entries(outputs[0].outputs!);
      this.#states = nextStates(plan, new Map(values));
    }
    const shared = {
      rounds,
      totalMs: this.#clock.now() - started,
      bytesUp: sum(rounds.map((round) => round.bytesUp)),
      bytesDown: sum(rounds.map((round) => round.bytesDown)),
      leakage: leakageReport(plan, this.#owner.publicKey.modulusBits),
      kernel: this.#owner.kernelName,
    };
    return outputs.map((output) => ({
      ...output,
      clampedValues,
      ...shared,
    }));
  }

  async #open(signal?: AbortSignal): Promise<void> {
    await againIfStopped(() => this.#openOnce(signal));
  }

  async #openOnce(signal?: AbortSignal): Promise<void> {
    emit(this, "state", { state: "connecting" });
    const joined = this.#joinSignals(signal);
    const post = (path: string, body: Uint8Array, maxBytes: number) =>
      this.#post(path, body, { maxBytes, signal: joined });
    const opened = await openSession(this.#options, this.#owner, post);
    const isChanged = await this.#contracts.check(opened.plan);
    // Integers of the old contract's scales and shapes mean something else now.
    if (isChanged) this.#states = undefined;
    this.#run = await inferencesOf(opened, {
      transfers: this.#transfers,
      post,
      signal: joined,
    });
    this.#opened = opened;
    emit(this, "state", { state: "ready" });
  }

  /**
   * A call with retries: the same bytes each time, so that a replay is answered the same.
   *
   * @throws {MachineStopped} in place of sending what a copy of this machine may send too
   */
  async #post(path: string, body: Uint8Array, call: CallOptions) {
    if (this.#machine.wasStopped()) {
      this.#owner.dropPool();
      this.#transfers.drop();
      throw new MachineStopped();
    }
    return await withRetries(() => this.#transport(path, body, call), {
      policy: this.#retry,
      clock: this.#clock,
      signal: call.signal,
      onRetry: (failures, delayMs, error) =>
        emit(this, "retry", { failures, delayMs, error }),
    }).finally(() => this.#grid.start());
  }

  #joinSignals(signal?: AbortSignal): AbortSignal {
    const closing = this.#closing.signal;
    return signal ? AbortSignal.any([signal, closing]) : closing;
  }
}
