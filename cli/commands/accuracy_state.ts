/**
 * What `accuracy --encrypted` has inferred so far, in a file that outlives it.
 *
 * @module
 */
import { open, truncate } from "node:fs/promises";
import {
  faultCode,
  FileError,
  readText,
} from "../../models/package/read_file.ts";

/** One line of the file. */
export interface AccuracyLine {
  /** Place of the sample. */
  index: number;
  /** Class that the encrypted inference gave. */
  predicted: number;
  /** Class that the simulator gives. */
  simulated: number;
  /**
   * Whether all rounds of its inference gave the simulator's accumulators; null
   * where other functions evaluated them, which hide them by noise and decoys.
   */
  roundsEqual: boolean | null;
  /** Right class. */
  label: number;
  /** Seconds: those of its inference, shared by the samples in it. */
  seconds: number;
  /** Samples in its inference. */
  samples: number;
  /** Name and version of the model, and size of the key. */
  model: string;
  version: string;
  keyBits: number;
  /** Where and when, ISO 8601. */
  machine: string;
  finishedAt: string;
}

const kinds: Record<keyof AccuracyLine, "number" | "string" | "boolean"> = {
  index: "number",
  predicted: "number",
  simulated: "number",
  roundsEqual: "boolean",
  label: "number",
  seconds: "number",
  samples: "number",
  model: "string",
  version: "string",
  keyBits: "number",
  machine: "string",
  finishedAt: "string",
};

/** JSON lines; lines of a batch are appended in one write. */
export class AccuracyState {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** All lines; none where there is no file. A line that was cut off is removed. */
  async read(): Promise<AccuracyLine[]> {
    let text: string;
    try {
      text = await readText(this.#path);
    } catch (error) {
      const cause = error instanceof FileError ? error.cause : null;
      if (faultCode(cause) === "ENOENT") return [];
      throw error;
    }
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    const lines = whole.split("\n").slice(0, -1)
      .map((line, i) => this.#parse(line, i + 1));
    if (whole.length < text.length) {
      await truncate(this.#path, new TextEncoder().encode(whole).length);
    }
    return lines;
  }

  async append(lines: AccuracyLine[]): Promise<void> {
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    const file = await open(this.#path, "a");
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  #parse(text: string, number: number): AccuracyLine {
    let line: Partial<AccuracyLine> | null = null;
    try {
      line = JSON.parse(text);
    } catch {
      // Told below.
    }
    const whole = line !== null &&
      Object.entries(kinds).every(([name, kind]) =>
        typeof line[name as keyof AccuracyLine] === kind ||
        name === "roundsEqual" && line.roundsEqual === null
      );
    if (whole) return line as AccuracyLine;
    throw new RangeError(
      `Cannot resume from ${this.#path}: line ${number} is not one that it wrote`,
    );
  }
}
