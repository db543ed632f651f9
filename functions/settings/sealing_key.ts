import { decodeBase64Url } from "@std/encoding/base64url";
import { decodeHex } from "@std/encoding/hex";

const minBytes = 32;

/**
 * A sealing key from its text, hexadecimal or base64url.
 *
 * @throws {RangeError} if it is neither, or shorter than 32 bytes; the message tells
 * nothing of the text
 */
export function sealingKeyFrom(text: string): Uint8Array {
  const key = decoded(text);
  if (key && key.length >= minBytes) return key;
  throw new RangeError(
    `Cannot read sealing key: expected at least ${minBytes} bytes, hexadecimal or base64url, got ${
      key ? `${key.length} bytes` : `${text.length} other characters`
    }`,
  );
}

function decoded(text: string): Uint8Array | null {
  try {
    return /^([0-9a-fA-F]{2})+$/.test(text)
      ? decodeHex(text)
      : decodeBase64Url(text);
  } catch {
    return null;
  }
}
