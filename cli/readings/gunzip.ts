/**
 * Unpacks gzip within a limit of size.
 *
 * @module
 */
import { readLimited } from "../../sdk/support/bytes.ts";

/** Longest file, unpacked: a packed one of a thousandth of that must not fill the memory. */
const maxBytes = 2 ** 30;

/**
 * The bytes themselves, or what they hold where they are gzip-compressed.
 *
 * @throws {RangeError} where they are damaged, or hold more than 1 GiB
 */
export async function gunzip(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes.slice()]).stream()
    .pipeThrough(new DecompressionStream("gzip"));
  const unpacked = await readLimited(stream, { maxBytes }).catch((cause) => {
    throw new RangeError("Cannot unpack: the gzip stream is damaged", {
      cause,
    });
  });
  if (unpacked === null) {
    throw new RangeError(
      `Cannot unpack: expected at most ${maxBytes} bytes, got more`,
    );
  }
  return unpacked;
}
