/** Tells on stderr what is going on: one line rewritten on a terminal, else one line a step. */
export class Progress {
  readonly #terminal = Deno.stderr.isTerminal();
  readonly #encoder = new TextEncoder();

  step(text: string): void {
    this.#write(this.#terminal ? `\r\x1b[K${text} ...` : `${text}\n`);
  }

  /** A detail of the step, for terminals only. */
  detail(text: string): void {
    if (this.#terminal) this.step(text);
  }

  /** Something that stays readable, such as a retry. */
  note(text: string): void {
    this.#write(this.#terminal ? `\r\x1b[K${text}\n` : `${text}\n`);
  }

  /** Leaves the terminal's line empty. */
  end(): void {
    if (this.#terminal) this.#write("\r\x1b[K");
  }

  #write(text: string): void {
    Deno.stderr.writeSync(this.#encoder.encode(text));
  }
}
