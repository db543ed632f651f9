import { UsageError } from "../../cli/commands/command.ts";
import { type KnownValue, type MeterScale, parseTicks } from "./reading.ts";

/**
 * The value that the next reading is checked against: the one that is given, else
 * what `file` holds from an earlier run, else null.
 *
 * @throws {UsageError} if either is no value of this meter
 */
export async function knownBefore(
  given: string | undefined,
  file: string | undefined,
  scale: MeterScale,
): Promise<KnownValue | null> {
  try {
    if (given !== undefined) {
      return { ticks: parseTicks(given, scale), atMs: -Infinity };
    }
    if (file === undefined) return null;
    const { ticks, atMs } = JSON.parse(await Deno.readTextFile(file));
    if (!Number.isSafeInteger(ticks) || !Number.isFinite(atMs)) {
      throw new RangeError(`${file}: expected ticks and atMs`);
    }
    return { ticks, atMs };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw new UsageError(`error: ${(error as Error).message}`, 2);
  }
}

/** Keeps a value for the next run; after a crash the file holds the old or the new one. */
export async function keepKnown(
  file: string,
  known: KnownValue,
): Promise<void> {
  const temporary = `${file}.tmp`;
  await Deno.writeTextFile(temporary, JSON.stringify(known) + "\n", {
    mode: 0o600,
  });
  await Deno.rename(temporary, file);
}
