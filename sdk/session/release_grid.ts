/**
 * When a request may leave, where the gateway's own work shall not show in time.
 *
 * @module
 */
import type { Clock } from "../support/clock.ts";

/**
 * Releases each request a whole number of paces after the last answer came in: who
 * answers sees pauses of the grid, not how long the work between took. A pace that
 * is longer than the work makes all pauses one.
 */
export class ReleaseGrid {
  readonly #clock: Clock;
  readonly #paceMs: number;
  #answeredAt: number;

  /** @param paceMs 0: requests leave at once */
  constructor(clock: Clock, paceMs: number) {
    this.#clock = clock;
    this.#paceMs = paceMs;
    this.#answeredAt = clock.now();
  }

  /** A call has ended, of a session or a round, well or not; the grid starts here. */
  start(): void {
    this.#answeredAt = this.#clock.now();
  }

  /**
   * Resolves at the next moment of the grid.
   *
   * @throws the signal's reason when it aborts first
   */
  async wait(signal?: AbortSignal): Promise<void> {
    const pace = this.#paceMs;
    if (pace === 0) return;
    const workedMs = this.#clock.now() - this.#answeredAt;
    const paces = Math.max(1, Math.ceil(workedMs / pace));
    await this.#clock.wait(paces * pace - workedMs, signal);
  }
}
