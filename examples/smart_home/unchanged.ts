/**
 * Reports a sensor that keeps sending the same value: it hangs.
 *
 * @module
 */
import type { Notices } from "./notices.ts";

/** Whatever is measured moves within a day, if only by the noise of the sensor. */
const maxSameMs = 24 * 3_600_000;
/** Sensors that report more seldom may have missed every change. */
const minMessages = 24;

/** Watches one sensor. */
export class UnchangedValue {
  readonly #name: string;
  readonly #notices: Notices;
  #value: number | null = null;
  #sinceMs = 0;
  #messages = 0;

  constructor(name: string, notices: Notices) {
    this.#name = name;
    this.#notices = notices;
  }

  /** Takes a value in. 0 may last: a light that is off, a plug without a load. */
  see(value: number, atMs: number): void {
    const cause = `unchanged ${this.#name}`;
    if (value !== this.#value || value === 0) {
      this.#value = value;
      this.#sinceMs = atMs;
      this.#messages = 1;
      this.#notices.clear(cause);
      return;
    }
    this.#messages++;
    const sameMs = atMs - this.#sinceMs;
    if (sameMs < maxSameMs || this.#messages < minMessages) return;
    this.#notices.warn(
      cause,
      `${this.#name} has been ${value} for a day: does the sensor hang?`,
    );
  }
}
