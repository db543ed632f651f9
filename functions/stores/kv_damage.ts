/**
 * Whether the file of a Deno KV database is whole. Deno ends the whole process when it
 * cleans up a damaged one that is open, so that files are looked at before. Runtime: Deno.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";

const headerBytes = 100;

/**
 * What is wrong with a database that is to be opened; null for one that is whole or does
 * not exist. Reads all of it.
 */
export function damageOf(path: string): string | null {
  if (!exists(path)) return null;
  try {
    using database = new DatabaseSync(path, { readOnly: true });
    const [found] = database.prepare("PRAGMA quick_check(1)").all();
    return found.quick_check === "ok" ? null : `${found.quick_check}`;
  } catch (error) {
    const { message } = error as Error;
    // A process is writing to it.
    return /database is locked/.test(message) ? null : message;
  }
}

/** Whether a database that is open has lost its head or its end. Reads 100 bytes. */
export function isCut(path: string): boolean {
  try {
    using file = Deno.openSync(path);
    const header = new Uint8Array(headerBytes);
    file.readSync(header);
    const view = new DataView(header.buffer);
    // 1 stands for 65,536, which a page's two bytes cannot hold.
    const pageBytes = view.getUint16(16) === 1 ? 65536 : view.getUint16(16);
    const magic = new TextDecoder().decode(header.subarray(0, 15));
    return magic !== "SQLite format 3" ||
      file.statSync().size < pageBytes * view.getUint32(28);
  } catch {
    return true;
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
