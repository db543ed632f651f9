/**
 * A gateway under load: infers again and again, and tells what became of each.
 *
 * @module
 */
import { equal } from "../../sdk/support/bytes.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import type { PrivateKey } from "../../sdk/paillier/private/private_key.ts";
import { exponentialBackoff } from "../../sdk/session/retry.ts";
import { connect, type Session } from "../../sdk/session/session.ts";
import { fitsDigest } from "../../sdk/wire/content_digest.ts";
import { exponential } from "../shared/seeded.ts";
import { type CheckedModel, isRight } from "./checked_model.ts";
import type { Outcome } from "./outcome.ts";

export interface GatewayOptions {
  url: string;
  model: CheckedModel;
  /** Each has a session of its own; readings are asked under one after another. */
  keys: readonly PrivateKey[];
  /** Uniform in [0, 1): decides readings, waits and replays. */
  unit: () => number;
  /** Mean time from one reading to the next, as a Poisson process; 0: each after the last answer. */
  intervalMs: number;
  /** Of requests of rounds, sent a second time. */
  replayShare: number;
  /** A call without an answer for this long is tried again. */
  timeoutMs: number;
}

/** Inferences before a gateway opens another session. */
const inferencesPerSession = 20;
/** After this an inference is lost: the longest retries end sooner. */
const lostAfterMs = 10 * 60_000;
/** As a small gateway has it: no threads, tables of 3 MB at 2048 bits. */
const ownerOptions = { threads: 0, tableWindowBits: 4, poolBytes: 1 << 18 };

/**
 * Infers until `stop` aborts; what has begun by then is finished.
 *
 * @param onBegin told before each inference
 * @param onEnd told after each
 */
export async function runGateway(
  options: GatewayOptions,
  stop: AbortSignal,
  onBegin: () => void,
  onEnd: (outcome: Outcome) => void,
): Promise<void> {
  using owners = new DisposableStack();
  const gateways = options.keys.map((key) =>
    new Gateway(options, owners.use(new PaillierEngine(key, ownerOptions)))
  );
  const began = performance.now();
  for (let due = 0, turn = 0; !stop.aborted; turn++) {
    due += exponential(options.intervalMs, options.unit);
    await pause(began + due - performance.now(), stop);
    if (stop.aborted) break;
    onBegin();
    const arrived = options.intervalMs > 0
      ? began + due
      // Nobody waits for a reading that comes after the last answer.
      : performance.now();
    onEnd(await gateways[turn % gateways.length].infer(arrived));
  }
  for (const gateway of gateways) await gateway.close();
}

class Gateway {
  readonly #options: GatewayOptions;
  readonly #owner: PaillierEngine;
  #session: Session | null = null;
  #inferences = 0;
  #retries: Record<string, number> = {};
  #replays = 0;
  #replaysDiffering = 0;

  constructor(options: GatewayOptions, owner: PaillierEngine) {
    this.#options = options;
    this.#owner = owner;
  }

  /** @param arrived when the reading was there, by `performance.now()` */
  async infer(arrived: number): Promise<Outcome> {
    const { model, unit } = this.#options;
    this.#retries = {};
    this.#replays = this.#replaysDiffering = 0;
    const reading = model.readings[Math.floor(unit() * model.readings.length)];
    let end: Pick<Outcome, "result" | "why" | "detail">;
    try {
      const answer = await inTime(this.#answer(reading.values));
      end = { result: isRight(answer, reading) ? "right" : "wrong" };
    } catch (error) {
      end = error instanceof CipherlayerError
        ? { result: "refused", why: error.code, detail: error.message }
        : { result: "lost", why: `${error}` };
      await this.close();
    }
    if (++this.#inferences % inferencesPerSession === 0) await this.close();
    return {
      ...end,
      model: model.name,
      ms: performance.now() - arrived,
      retries: this.#retries,
      replays: this.#replays,
      replaysDiffering: this.#replaysDiffering,
    };
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    await session?.close();
  }

  async #answer(reading: number[]) {
    this.#session ??= await this.#open();
    return await this.#session.infer(reading);
  }

  async #open(): Promise<Session> {
    const { url, model, timeoutMs } = this.#options;
    const count = ({ code }: CipherlayerError) => {
      this.#retries[code] = (this.#retries[code] ?? 0) + 1;
    };
    const backoff = exponentialBackoff();
    const session = await connect({
      url,
      model: model.servedAs,
      keys: this.#owner,
      timeoutMs,
      // Retries of the session's start have no event yet.
      retry: (failures, error) => {
        count(error);
        return backoff(failures, error);
      },
      fetch: (target, init) => this.#fetch(target, init),
    });
    return session;
  }

  /** Sends some rounds twice: the functions must answer with the same bytes. */
  async #fetch(
    target: URL | RequestInfo,
    init?: RequestInit,
  ): Promise<Response> {
    const { unit, replayShare } = this.#options;
    const response = await fetch(target, init);
    const isRound = `${target}`.includes("/v1/rounds/");
    if (!isRound || !response.ok || unit() >= replayShare) return response;
    const first = await response.bytes();
    try {
      const again = await fetch(target, init);
      const second = await again.bytes();
      if (await isWhole(response, first) && await isWhole(again, second)) {
        this.#replays++;
        if (!equal(first, second)) this.#replaysDiffering++;
      }
    } catch {
      // The second one met a fault of the network: the first answer stands.
    }
    return new Response(first, response);
  }
}

/** Whether an answer came as the functions sent it. */
async function isWhole(
  { ok, headers }: Response,
  body: Uint8Array,
): Promise<boolean> {
  return ok && await fitsDigest(headers.get("content-digest"), body);
}

/** @throws {Error} if `work` does not end in time */
async function inTime<T>(work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error("no end in time")),
    lostAfterMs,
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits, or less if `stop` aborts. */
async function pause(ms: number, stop: AbortSignal): Promise<void> {
  if (ms <= 0 || stop.aborted) return;
  await new Promise<void>((done) => {
    const end = () => {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
      done();
    };
    const timer = setTimeout(end, ms);
    stop.addEventListener("abort", end);
  });
}
