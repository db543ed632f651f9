/**
 * A pool of threads that restarts those that die.
 *
 * @module
 */
import type { StartWorker, WorkerPort } from "./worker_port.ts";
import { nodeParallelism, startNodeWorker } from "./worker_port_node.ts";
import { startWebWorker } from "./worker_port_web.ts";
import type { WorkerReply, WorkerTask } from "./worker_tasks.ts";

/** Tasks that a worker holds: one under way, the next at hand. */
const tasksAtOnce = 2;

/** More threads than this gain nothing on batches of one inference. */
const maxThreads = 8;

/** Threads that this machine has for us. */
export function availableThreads(): number {
  const processors = nodeParallelism() ?? navigator.hardwareConcurrency ?? 1;
  return Math.min(processors, maxThreads);
}

interface Job {
  readonly task: WorkerTask;
  readonly done: (values: bigint[] | null) => void;
}

interface Member {
  readonly port: WorkerPort;
  readonly held: Map<number, Job>;
}

/**
 * Threads that share the tasks of a batch. They are an offer: as soon as one fails,
 * or where none can start, every task is answered by null, and the caller does the
 * work itself.
 */
export class WorkerPool implements Disposable {
  #members: Member[] = [];
  readonly #queue: Job[] = [];
  #nextId = 0;
  #ready = false;
  /** Resolves when all threads hold the key, or have failed. */
  readonly started: Promise<void>;

  constructor(
    threads: number,
    open: WorkerTask & { kind: "open" },
    start: StartWorker = nodeParallelism() === null
      ? startWebWorker
      : startNodeWorker,
  ) {
    try {
      for (let i = 0; i < threads; i++) this.#add(start);
    } catch {
      this.#fail();
    }
    const opened = this.#members.map((member) =>
      new Promise<bigint[] | null>((done) =>
        this.#give(member, { task: open, done })
      )
    );
    this.#keepAlive();
    this.started = Promise.all(opened).then((replies) => {
      this.#ready = this.#members.length > 0 && !replies.includes(null);
      if (!this.#ready) this.#fail();
      this.#keepAlive();
    });
  }

  /** Threads that are ready for tasks; 0 until all are, and after a failure. */
  get threads(): number {
    return this.#ready ? this.#members.length : 0;
  }

  /**
   * Does the tasks in any order.
   *
   * @param options `receive` gets each answer as it comes, even of a run that has
   * been aborted
   * @returns their answers in order, or null if the threads failed
   * @throws the signal's reason if it is aborted
   */
  async run(
    tasks: WorkerTask[],
    options: { signal?: AbortSignal; receive?: (values: bigint[]) => void } =
      {},
  ): Promise<bigint[][] | null> {
    if (!this.#ready) return null;
    const { signal, receive } = options;
    const jobs: Job[] = [];
    const replies = Promise.all(
      tasks.map((task) =>
        new Promise<bigint[] | null>((resolve) => {
          const done = (values: bigint[] | null) => {
            if (values !== null) receive?.(values);
            resolve(values);
          };
          jobs.push({ task, done });
        })
      ),
    );
    const abort = () => {
      for (const job of jobs) {
        const at = this.#queue.indexOf(job);
        if (at >= 0) this.#queue.splice(at, 1);
        job.done(null);
      }
    };
    this.#queue.push(...jobs);
    for (const member of this.#members) this.#feed(member);
    this.#keepAlive();
    signal?.addEventListener("abort", abort);
    try {
      const values = await replies;
      signal?.throwIfAborted();
      return values.includes(null) ? null : values as bigint[][];
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Ends the threads; tasks under way are answered by null. */
  [Symbol.dispose](): void {
    this.#fail();
  }

  #add(start: StartWorker): void {
    const held = new Map<number, Job>();
    const port = start({
      reply: (reply) => this.#receive(member, reply),
      failed: () => this.#fail(),
    });
    if (port === null) throw new TypeError("Cannot start worker: none here");
    const member: Member = { port, held };
    this.#members.push(member);
  }

  #give(member: Member, job: Job): void {
    const id = this.#nextId++;
    member.held.set(id, job);
    member.port.post({ id, task: job.task });
  }

  #feed(member: Member): void {
    while (member.held.size < tasksAtOnce) {
      const job = this.#queue.shift();
      if (job === undefined) return;
      this.#give(member, job);
    }
  }

  #receive(member: Member, { id, values }: WorkerReply): void {
    const job = member.held.get(id);
    member.held.delete(id);
    if (values === null) this.#fail();
    else this.#feed(member);
    this.#keepAlive();
    job?.done(values);
  }

  #keepAlive(): void {
    const awaited = this.#members.some(({ held }) => held.size > 0);
    for (const { port } of this.#members) port.keepAlive(awaited);
  }

  #fail(): void {
    const members = this.#members;
    this.#members = [];
    this.#ready = false;
    for (const { port, held } of members) {
      port.terminate();
      for (const job of held.values()) job.done(null);
    }
    for (const job of this.#queue.splice(0)) job.done(null);
  }
}
