/**
 * The last good value, from run to run. It never stops the app: what cannot be read
 * is reported and passed over, what cannot be kept is reported.
 *
 * @module
 */
import { basename, dirname } from "node:path";
import { FileBlobStore } from "@cipherlayer/sdk/blob-store-file";
import { note, UsageError } from "../../cli/commands/command.ts";
import { fileFault } from "../smart_home/file_faults.ts";
import type { Notices } from "../smart_home/notices.ts";
import { type KnownValue, type MeterScale, parseTicks } from "./reading.ts";

/**
 * The value that the next reading is checked against: the one that is given, else
 * what `file` holds from an earlier run, else null.
 *
 * @throws {UsageError} if the given one is no value of this meter
 */
export async function knownBefore(
  given: string | undefined,
  file: string | undefined,
  scale: MeterScale,
): Promise<KnownValue | null> {
  if (given !== undefined) {
    try {
      return { ticks: parseTicks(given, scale), atMs: -Infinity };
    } catch (error) {
      throw new UsageError(`error: ${(error as Error).message}`);
    }
  }
  if (file === undefined) return null;
  try {
    const { ticks, atMs } = JSON.parse(await Deno.readTextFile(file));
    if (!Number.isSafeInteger(ticks) || !Number.isFinite(atMs)) {
      throw new RangeError("expected ticks and atMs");
    }
    return { ticks, atMs };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      note(
        `${file}: ${
          fileFault(error)
        }; passed over, a first value is waited for`,
      );
    }
    return null;
  }
}

/** Keeps a value for the next run; after a crash the file holds the old or the new one. */
export async function keepKnown(
  file: string,
  known: KnownValue,
  notices: Notices,
): Promise<void> {
  const text = JSON.stringify(known) + "\n";
  try {
    // Flushed to the disk before it takes the old one's place.
    await new FileBlobStore(dirname(file))
      .write(basename(file), new TextEncoder().encode(text));
    notices.clear("state");
  } catch (error) {
    notices.warn("state", `Cannot keep ${file}: ${fileFault(error)}`);
  }
}
