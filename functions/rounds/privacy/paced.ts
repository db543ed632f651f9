/**
 * Shares a thread's time among callers, and among the computations of their calls:
 * whoever has had the least goes on, so that a short one passes between the slices of
 * long ones, and many calls of one caller get no more than one of another.
 *
 * @module
 */

/**
 * So long a computation goes on before the event loop runs and another may: a light
 * call that does not compute now, since it waits for a digest or a database, comes back
 * after one slice of others.
 */
const sliceMs = 5;
/** Whoever has waited so long has the next slice, however much it has had. */
const longestWaitMs = 250;

/**
 * On Cloudflare's runtime a pause ends with the request that it began in, and its clock
 * stands still during computations: there, all is run at once.
 */
const pauses = globalThis.navigator?.userAgent !== "Cloudflare-Workers";

/**
 * Lets the event loop run: a tenth of a timer's millisecond, and, unlike an immediate
 * alone, never before the messages of other threads have come.
 */
function letEventsIn(): Promise<void> {
  return new Promise((resolve) =>
    setImmediate(() => {
      const { port1, port2 } = new MessageChannel();
      port2.onmessage = () => {
        port1.close();
        port2.close();
        resolve();
      };
      port1.postMessage(null);
    })
  );
}

/** What a call, or all calls of a caller together, have had of a thread's time. */
export interface Share {
  usedMs: number;
}

/** A call, over all its computations. */
export interface Task extends Share {
  /** Whose it is; default: nobody else's. */
  caller?: Share;
}

interface Job {
  task: Task;
  /** When its last slice ended, or it came. */
  waitsSinceMs: number;
  /** Works for a slice. @returns whether it has ended */
  slice(): boolean;
}

/** Computations that yield often, one slice at a time. */
export class TimeSlices {
  readonly #clock: () => number;
  readonly #pause: () => Promise<void>;
  readonly #jobs = new Set<Job>();
  #isServing = false;

  /**
   * @param clock milliseconds of any start
   * @param pause lets the event loop run
   */
  constructor(
    clock: () => number = () => performance.now(),
    pause: () => Promise<void> = letEventsIn,
  ) {
    this.#clock = clock;
    this.#pause = pause;
  }

  /**
   * Runs a computation to its end.
   *
   * @param task of the call that it belongs to
   * @throws the signal's reason once it is aborted
   */
  run<T>(
    work: Generator<void, T>,
    task: Task,
    signal?: AbortSignal,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const slice = () => {
      const startedMs = this.#clock();
      const over = () => pauses && this.#clock() - startedMs >= sliceMs;
      try {
        signal?.throwIfAborted();
        let step = work.next();
        while (!step.done && !over()) step = work.next();
        if (step.done) resolve(step.value);
        return step.done === true;
      } catch (error) {
        reject(error);
        return true;
      } finally {
        const usedMs = this.#clock() - startedMs;
        task.usedMs += usedMs;
        if (task.caller) task.caller.usedMs += usedMs;
      }
    };
    this.#jobs.add({ task, waitsSinceMs: this.#clock(), slice });
    if (!this.#isServing) void this.#serve();
    return promise;
  }

  async #serve(): Promise<void> {
    this.#isServing = true;
    for (;;) {
      const job = this.#next();
      if (job.slice()) this.#jobs.delete(job);
      job.waitsSinceMs = this.#clock();
      if (this.#jobs.size === 0) break;
      await this.#pause();
    }
    this.#isServing = false;
  }

  #next(): Job {
    const jobs = [...this.#jobs];
    const oldest = jobs.reduce((a, b) =>
      b.waitsSinceMs < a.waitsSinceMs ? b : a
    );
    if (this.#clock() - oldest.waitsSinceMs >= longestWaitMs) return oldest;
    return jobs.reduce((a, b) => hasHadLess(b.task, a.task) ? b : a);
  }
}

/** Of two callers the one, of one caller's calls the one. */
function hasHadLess(a: Task, b: Task): boolean {
  const ofA = a.caller ?? a, ofB = b.caller ?? b;
  return ofA === ofB ? a.usedMs < b.usedMs : ofA.usedMs < ofB.usedMs;
}

const ofThisThread = new TimeSlices();

/**
 * Runs a computation that yields often, sharing the thread with others.
 *
 * @param task of the call that it belongs to; default: one of its own
 * @throws the signal's reason once it is aborted
 */
export function runPaced<T>(
  work: Generator<void, T>,
  { signal, task = { usedMs: 0 } }: { signal?: AbortSignal; task?: Task } = {},
): Promise<T> {
  return ofThisThread.run(work, task, signal);
}
