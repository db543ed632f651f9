/**
 * Warnings, one for each cause: what lasts is not repeated, and its end is reported.
 *
 * @module
 */
import { note } from "../../cli/commands/command.ts";

/** What is wrong now, by cause. */
export class Notices {
  readonly #told = new Map<string, string>();
  /** Told whenever something begins or ceases to be wrong. */
  onChange: (problems: string[]) => void = () => {};

  /** Says a text, unless the cause has been told and lasts. */
  warn(cause: string, text: string): void {
    if (this.#told.has(cause)) return;
    this.#told.set(cause, text);
    note(text);
    this.onChange([...this.#told.values()]);
  }

  /** The cause is gone: told again if it comes back. */
  clear(cause: string): void {
    const text = this.#told.get(cause);
    if (text === undefined) return;
    this.#told.delete(cause);
    note(`Over: ${text}`);
    this.onChange([...this.#told.values()]);
  }
}
