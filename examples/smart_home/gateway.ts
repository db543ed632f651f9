/**
 * What the apps send readings through: they wait, encrypted, in a queue until the
 * cloud can be reached, and come back as answers with the time they were taken.
 *
 * @module
 */
import {
  type Answer,
  CipherlayerError,
  connect,
  exponentialBackoff,
  type InferencePlan,
  type KeyStore,
  MemoryBlobStore,
  MemoryKeyStore,
  OfflineQueue,
  openKey,
  PaillierEngine,
  type PrivateKey,
  type Reading,
  type RetryPolicy,
  type Session,
} from "@cipherlayer/sdk";
import { FileBlobStore } from "@cipherlayer/sdk/blob-store-file";
import { FileKeyStore } from "@cipherlayer/sdk/key-store-file";
import { dataFolder, openDemoKey } from "../demo/demo_key.ts";
import { note, UsageError } from "../../cli/commands/command.ts";
import { contracts } from "../contracts.ts";
import { startFunctions } from "../demo/server_process.ts";
import { fileFault } from "./file_faults.ts";
import type { Notices } from "./notices.ts";
import type { HomeOptions } from "./options.ts";

/** Readings that share an inference. */
export interface Group {
  readings: Reading[];
  takenAt: Date;
  /** What else belongs to the result; JSON. */
  meta?: unknown;
}

/** What came of a group. */
export interface Result {
  /** When its readings were taken. */
  takenAt: Date;
  meta?: unknown;
  /** In the readings' order. */
  answers: Answer[];
}

const capacity = 10_000;
const maxAhead = 2;
/** The cloud is waited for as long as it takes. */
const patient: RetryPolicy = exponentialBackoff({
  attempts: Infinity,
  longestDelayMs: 60_000,
});

/** Options of {@linkcode openGateway}. */
export interface GatewayOptions {
  model: keyof typeof contracts;
  /** Readings in one inference. */
  samples: number;
  home: HomeOptions;
  /** Whether values beyond the ranges that the model knows saturate; else refused. */
  clamp: boolean;
  /** Whether readings come from sensors, and not again. */
  live: boolean;
  notices: Notices;
  signal: AbortSignal;
}

/** Opens key and queue, and starts functions where none are named. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { home, notices, signal } = options;
  await using opening = new AsyncDisposableStack();
  const { key, keys } = await openGatewayKey(home, signal);
  if (!home.url) note("Starting functions here (--url uses others)");
  const url = home.url ?? opening.use(
    await startFunctions({ insecureKeys: home.insecure, signal }),
  ).url;
  const queue = opening.use(await openQueue(options, key, keys));
  if (queue.waiting > 0) note(`Readings that waited: ${queue.waiting}`);
  const engine = opening.use(new PaillierEngine(key));
  return new Gateway(
    { ...options, url, engine, queue, notices },
    opening.move(),
  );
}

/** On the disk for readings that do not come again; there one process may use it. */
async function openQueue(
  { home, live, notices }: GatewayOptions,
  key: PrivateKey,
  keys: KeyStore,
): Promise<OfflineQueue> {
  const options = { keys, capacity, whenFull: "drop-oldest" } as const;
  if (live || home.queue) {
    const name = key.publicKey.fingerprint.slice(0, 8);
    const folder = home.queue ??
      `${dataFolder()}/queue-${home.deviceId}-${name}`;
    try {
      await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
      const store = new FileBlobStore(folder);
      return await OfflineQueue.open({ ...options, store });
    } catch (error) {
      if (error instanceof CipherlayerError) throw error;
      notices.warn(
        "queue folder",
        `Cannot use ${folder}: ${fileFault(error)}; readings wait in memory`,
      );
    }
  }
  return await OfflineQueue.open({ ...options, store: new MemoryBlobStore() });
}

/** What a gateway runs on. */
interface GatewayParts extends GatewayOptions {
  url: URL;
  engine: PaillierEngine;
  queue: OfflineQueue;
}

/** Takes readings at any time and gives results when there are some. */
export class Gateway implements AsyncDisposable {
  /** Told once the functions have described the model. */
  onPlan: (plan: InferencePlan) => void = () => {};
  readonly #options: GatewayParts;
  readonly #resources: AsyncDisposableStack;
  #ended = false;
  /** Aborts when there is nothing to send, and will not be. */
  readonly #empty = new AbortController();
  #wake = () => {};
  #answered = () => {};

  constructor(
    options: GatewayParts,
    resources: AsyncDisposableStack,
  ) {
    this.#options = options;
    this.#resources = resources;
  }

  /** Takes readings in for one inference; when this resolves they are kept. */
  async send({ readings, takenAt, meta }: Group): Promise<void> {
    const { queue, notices, live, signal } = this.#options;
    // What can be read again need not be read before its turn.
    while (!live && queue.waiting >= maxAhead) {
      await orAborted(
        new Promise<void>((resolve) => this.#answered = resolve),
        signal,
      );
    }
    try {
      const { dropped } = await queue.addBatch(readings, {
        takenAt,
        meta,
      });
      if (dropped.length > 0) {
        notices.warn("queue full", "The queue is full: old readings go");
      }
      notices.clear("queue");
    } catch (error) {
      const { message } = error as Error;
      notices.warn("queue", `Cannot keep readings: ${message}; left out`);
    }
    this.#wake();
  }

  /** No more readings: the results end with those that wait. */
  end(): void {
    this.#ended = true;
    if (this.#options.queue.waiting === 0) this.#empty.abort();
    this.#wake();
  }

  /**
   * Results in the order in which readings were sent; those without a cloud wait for
   * it. A result is given again after a crash that came before the next was asked for.
   *
   * @throws whatever the functions refuse for good
   */
  async *results(): AsyncGenerator<Result> {
    const { queue, notices, clamp, signal } = this.#options;
    const connected = await this.#connect().catch((error) => {
      if (this.#empty.signal.aborted) return null;
      throw error;
    });
    if (connected === null) return;
    await using session = connected;
    for (;;) {
      const added = new Promise<void>((resolve) => this.#wake = resolve);
      for await (const outcome of queue.process(session, { signal, clamp })) {
        notices.clear("cloud");
        this.#answered();
        const { id, takenAt, meta, answers, refused } = outcome;
        if (answers && takenAt) yield { takenAt, meta, answers };
        else note(`Reading ${id} is left out: ${refused}`);
      }
      if (this.#ended && queue.waiting === 0) return;
      await orAborted(added, signal);
    }
  }

  /** Ends functions that were started here; readings stay in the queue. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }

  async #connect(): Promise<Session> {
    const { url, model, samples, home, engine, notices, signal } =
      this.#options;
    note(`Connecting to ${url} for model ${model}`);
    const session = await connect({
      url,
      token: home.token ?? undefined,
      model,
      contract: contracts[model],
      keys: engine,
      samples,
      signal: AbortSignal.any([signal, this.#empty.signal]),
      retry: patient,
      onRetry: ({ error }) =>
        notices.warn("cloud", `${error.message}; readings wait`),
    });
    notices.clear("cloud");
    note(
      `Connected: model ${model} ${session.version}, readings in an inference: ${samples}`,
    );
    this.onPlan(session.plan);
    return session;
  }
}

function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
  });
}

async function openGatewayKey(
  options: HomeOptions,
  signal: AbortSignal,
): Promise<{ key: PrivateKey; keys: KeyStore }> {
  if (options.key === null) {
    const { key, note: kept } = await openDemoKey(options, {
      signal,
      onGenerate: () => note(`Making a ${options.keyBits}-bit key pair (once)`),
    });
    note(kept);
    const keys = new MemoryKeyStore();
    await keys.save(key);
    return { key, keys };
  }
  const passphrase = Deno.env.get("CIPHERLAYER_PASSPHRASE");
  if (!passphrase) {
    throw new UsageError(
      "error: --key needs CIPHERLAYER_PASSPHRASE, which opens it",
    );
  }
  const keys = new FileKeyStore(options.key, passphrase);
  const key = await openKey(keys, {
    signal,
    onNewKey: ({ publicKey }) =>
      note(
        `No key in ${options.key}: made one, ${
          publicKey.fingerprint.slice(0, 16)
        }, a new identity of this gateway`,
      ),
  });
  return { key, keys };
}
