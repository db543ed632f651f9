/**
 * What is going on, told on stderr.
 *
 * @module
 */
import process from "node:process";

/** On a terminal one line that is rewritten, else a line a step. */
export class Progress {
  readonly #isTerminal = process.stderr.isTTY ?? false;

  step(text: string): void {
    this.#write(this.#isTerminal ? `\r\x1b[K${text} ...` : `${text}\n`);
  }

  /** A detail of the step, for terminals only. */
  detail(text: string): void {
    if (this.#isTerminal) this.step(text);
  }

  /** Something that stays readable, such as a retry. */
  note(text: string): void {
    this.#write(this.#isTerminal ? `\r\x1b[K${text}\n` : `${text}\n`);
  }

  /** Leaves the terminal's line empty. */
  end(): void {
    if (this.#isTerminal) this.#write("\r\x1b[K");
  }

  #write(text: string): void {
    process.stderr.write(text);
  }
}
