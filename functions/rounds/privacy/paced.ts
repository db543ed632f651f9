/**
 * Shares a thread's time among callers, and among the computations of their calls:
 * the caller that has had the least goes on, so that a short one passes between the slices of
 * long ones, and many calls of one caller get no more than one of another. A call that
 * waits for a digest or a database keeps the thread meanwhile, if its caller is next:
 * it would come back a dozen times, each time behind a slice of others.
 *
 * @module
 */

/**
 * So long a computation goes on before the event loop runs and another may, and so long
 * the thread is kept for a call that does not compute now.
 */
const sliceMs = 5;
/** A computation that has waited this long has the next slice, however much it has had. */
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

function waitAtMost(event: Promise<void>, maxMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, maxMs);
    void event.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
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

/** A caller with calls under way. */
interface Presence {
  calls: number;
  /** Whether the thread is kept for it: not again before it has computed. */
  keepsThread: boolean;
}

interface Job {
  task: Task;
  /** When its last slice ended, or it came. */
  waitsSinceMs: number;
  /** Works for a slice. @returns whether it has ended */
  slice(): boolean;
}

/** What {@linkcode TimeSlices} know of time. */
export interface Timing {
  /** Milliseconds of any start. */
  clock: () => number;
  /** Lets the event loop run. */
  pause: () => Promise<void>;
  /** Waits for `event`, but no longer than so many milliseconds. */
  wait: (event: Promise<void>, maxMs: number) => Promise<void>;
}

const machineTiming: Timing = {
  clock: () => performance.now(),
  pause: letEventsIn,
  wait: waitAtMost,
};

/** Computations that yield often, one slice at a time. */
export class TimeSlices {
  readonly #timing: Timing;
  readonly #jobs = new Set<Job>();
  readonly #present = new Map<Share, Presence>();
  /** Resolves when a computation or a caller comes, or a call ends. */
  #change = Promise.withResolvers<void>();
  #isServing = false;

  constructor(timing: Timing = machineTiming) {
    this.#timing = timing;
  }

  /**
   * Takes note that a call of `caller` is worked on from now on.
   *
   * @returns what is to be called, once, when it ends
   */
  attend(caller: Share): () => void {
    const presence = this.#present.get(caller) ??
      { calls: 0, keepsThread: true };
    presence.calls++;
    this.#present.set(caller, presence);
    this.#tellChange();
    return () => {
      if (--presence.calls === 0) this.#present.delete(caller);
      this.#tellChange();
    };
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
      const { clock } = this.#timing;
      const startedMs = clock();
      const over = () => pauses && clock() - startedMs >= sliceMs;
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
        const usedMs = clock() - startedMs;
        task.usedMs += usedMs;
        if (task.caller) task.caller.usedMs += usedMs;
      }
    };
    this.#jobs.add({ task, waitsSinceMs: this.#timing.clock(), slice });
    this.#tellChange();
    if (!this.#isServing) void this.#serve();
    return promise;
  }

  async #serve(): Promise<void> {
    this.#isServing = true;
    for (;;) {
      const job = this.#next();
      const ahead = this.#callerAhead(job);
      if (ahead) await this.#keepThread(ahead);
      else {
        const caller = job.task.caller && this.#present.get(job.task.caller);
        if (caller) caller.keepsThread = true;
        if (job.slice()) this.#jobs.delete(job);
        job.waitsSinceMs = this.#timing.clock();
        if (this.#jobs.size === 0) break;
        await this.#timing.pause();
      }
    }
    this.#isServing = false;
  }

  #next(): Job {
    const jobs = [...this.#jobs];
    const oldest = jobs.reduce((a, b) =>
      b.waitsSinceMs < a.waitsSinceMs ? b : a
    );
    if (this.#hasWaitedLong(oldest)) return oldest;
    return jobs.reduce((a, b) => hasHadLess(b.task, a.task) ? b : a);
  }

  #hasWaitedLong({ waitsSinceMs }: Job): boolean {
    return this.#timing.clock() - waitsSinceMs >= longestWaitMs;
  }

  /** A caller whose call waits for something, but would be next if it did not. */
  #callerAhead(job: Job): Share | undefined {
    if (!pauses || this.#hasWaitedLong(job)) return;
    let ahead: Share = job.task.caller ?? job.task;
    for (const [caller, { keepsThread }] of this.#present) {
      if (keepsThread && caller.usedMs < ahead.usedMs) ahead = caller;
    }
    const computes = [...this.#jobs.values()]
      .some(({ task }) => (task.caller ?? task) === ahead);
    return computes ? undefined : ahead;
  }

  /** The wait counts as the caller's time. */
  async #keepThread(caller: Share): Promise<void> {
    const { clock, wait } = this.#timing;
    const startedMs = clock();
    await wait(this.#change.promise, sliceMs);
    const keptMs = clock() - startedMs;
    caller.usedMs += keptMs;
    const presence = this.#present.get(caller);
    if (presence && keptMs >= sliceMs) presence.keepsThread = false;
  }

  #tellChange(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}

/** Of two callers the one, of one caller's calls the one. */
function hasHadLess(a: Task, b: Task): boolean {
  const ofA = a.caller ?? a, ofB = b.caller ?? b;
  return ofA === ofB ? a.usedMs < b.usedMs : ofA.usedMs < ofB.usedMs;
}

let ofThisThread: TimeSlices | undefined;

/** Made when it is first wanted: what Node 20 lacks has been added by then. */
function slicesOfThisThread(): TimeSlices {
  return ofThisThread ??= new TimeSlices();
}

/**
 * Runs a computation that yields often, sharing the thread with others.
 *
 * @param task of the call that it belongs to; default: a new one
 * @throws the signal's reason once it is aborted
 */
export function runPaced<T>(
  work: Generator<void, T>,
  { signal, task = { usedMs: 0 } }: { signal?: AbortSignal; task?: Task } = {},
): Promise<T> {
  return slicesOfThisThread().run(work, task, signal);
}

/** {@linkcode TimeSlices.attend} on this thread. */
export function attend(caller: Share): () => void {
  return slicesOfThisThread().attend(caller);
}
