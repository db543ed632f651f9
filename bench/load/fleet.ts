/**
 * Processes of the functions that are started again when they end.
 *
 * @module
 */
import {
  type FunctionsOptions,
  type FunctionsProcess,
  startFunctions,
} from "../shared/functions_process.ts";
import { processFigures } from "./process_figures.ts";

/** Sums over all that ran in one place, one after another. */
export interface PlaceFigures {
  starts: number;
  peakBytes: number;
  cpuSeconds: number;
}

interface Place {
  running: FunctionsProcess | null;
  /** What its next processes get beside the fleet's options. */
  special: Partial<FunctionsOptions>;
  figures: PlaceFigures;
  /** CPU time of the one that runs, when last looked at. */
  cpuSeconds: number;
}

const watchEveryMs = 250;
const pauseAfterFailureMs = 500;

export class Fleet implements AsyncDisposable {
  readonly #options: FunctionsOptions;
  readonly #places: Place[];
  readonly #kept: Promise<void>[];
  readonly #watch: ReturnType<typeof setInterval>;
  #stopping = false;
  /** Why a place has never had a process. */
  #failure: unknown = null;

  private constructor(count: number, options: FunctionsOptions) {
    this.#options = options;
    this.#places = Array.from({ length: count }, () => ({
      running: null,
      special: {},
      figures: { starts: 0, peakBytes: 0, cpuSeconds: 0 },
      cpuSeconds: 0,
    }));
    this.#kept = this.#places.map((place) => this.#keep(place));
    this.#watch = setInterval(() => this.#look(), watchEveryMs);
  }

  /**
   * Starts `count` processes and waits until all of them answer.
   *
   * @throws what `startFunctions` throws
   */
  static async start(count: number, options: FunctionsOptions): Promise<Fleet> {
    const fleet = new Fleet(count, options);
    while (fleet.ports().length < count) {
      if (fleet.#failure !== null) {
        await fleet[Symbol.asyncDispose]();
        throw fleet.#failure;
      }
      await new Promise((done) => setTimeout(done, 50));
    }
    return fleet;
  }

  /** Ports of the processes that have started and not ended. */
  ports(): number[] {
    return this.#places.flatMap(({ running }) => running ? [running.port] : []);
  }

  /** One entry a process. */
  figures(): PlaceFigures[] {
    return this.#places.map(({ figures }) => ({ ...figures }));
  }

  /**
   * Sends a signal to a process; another starts when it has ended, with `special`
   * options if there are any.
   */
  async kill(
    index: number,
    signal: Deno.Signal,
    special: Partial<FunctionsOptions> = {},
  ): Promise<void> {
    const place = this.#places[index];
    await this.#lookAt(place);
    place.special = special;
    place.running?.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#watch);
    await this.#look();
    for (const { running } of this.#places) running?.kill("SIGKILL");
    await Promise.all(this.#kept);
  }

  async #keep(place: Place): Promise<void> {
    while (!this.#stopping) {
      try {
        await using started = await startFunctions({
          ...this.#options,
          ...place.special,
          environment: {
            ...this.#options.environment,
            ...place.special.environment,
          },
        });
        if (this.#stopping) return;
        place.figures.starts++;
        place.cpuSeconds = 0;
        place.running = started;
        await started.ended;
      } catch (error) {
        if (place.figures.starts === 0) this.#failure ??= error;
        // Killed while it started, or its folder is away: again in a moment.
        await new Promise((done) => setTimeout(done, pauseAfterFailureMs));
      }
      place.running = null;
    }
  }

  async #look(): Promise<void> {
    await Promise.all(this.#places.map((place) => this.#lookAt(place)));
  }

  async #lookAt(place: Place): Promise<void> {
    const { running, figures } = place;
    const seen = running && await processFigures(running.pid);
    if (!seen || place.running !== running) return;
    figures.peakBytes = Math.max(figures.peakBytes, seen.peakBytes);
    figures.cpuSeconds += seen.cpuSeconds - place.cpuSeconds;
    place.cpuSeconds = seen.cpuSeconds;
  }
}
