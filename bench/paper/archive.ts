/**
 * The tables of `docs/data`, one file each, and the machines they were made on.
 *
 * @module
 */
import { formatTable, parseTable, type Row } from "./table.ts";

/** Where and how a row was measured. */
export interface Provenance {
  /** Short name of the machine, described in `machines.csv`. */
  machine: string;
  /** Load average of the last minute before the stage: above 0, others were working. */
  load: number;
  /** ISO 8601, to the minute. */
  measuredAt: string;
  command: string;
  /** By few turns, while developing. */
  quick: boolean;
}

/** A folder of tables. */
export class Archive {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Rows of a table, or null where it has not been measured. */
  async read<T extends object>(name: string): Promise<T[] | null> {
    const text = await readOrNull(`${this.#folder}/${name}.csv`);
    return text === null ? null : parseTable(text) as T[];
  }

  /** Replaces a table, in one step. */
  async write(name: string, rows: readonly Row[]): Promise<void> {
    await Deno.mkdir(this.#folder, { recursive: true });
    const path = `${this.#folder}/${name}.csv`;
    await Deno.writeTextFile(`${path}.part`, formatTable(rows));
    await Deno.rename(`${path}.part`, path);
  }

  /** Short name of a machine, which is written down. */
  async machineId(description: string): Promise<string> {
    const digest = await crypto.subtle.digest(
      "SHA-256",
      new TextEncoder().encode(description),
    );
    // A letter first, so that it never reads as a number.
    const id = `m${new Uint8Array(digest).toHex().slice(0, 6)}`;
    const known = await this.read<Machine>("machines") ?? [];
    if (known.every((machine) => machine.id !== id)) {
      await this.write("machines", [...known, { id, description }]);
    }
    return id;
  }

  /** Descriptions by short name. */
  async machines(): Promise<Map<string, string>> {
    const known = await this.read<Machine>("machines") ?? [];
    return new Map(known.map(({ id, description }) => [id, description]));
  }
}

type Machine = { id: string; description: string };

async function readOrNull(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
