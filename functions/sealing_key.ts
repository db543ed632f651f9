import { decodeBase64Url } from "@std/encoding/base64url";
import { decodeHex } from "@std/encoding/hex";

/**
 * A sealing key from its text, hexadecimal or base64url.
 *
 * @throws {Error} if it is neither; its length is `createApp`'s to check
 */
export function sealingKeyFrom(text: string): Uint8Array {
  return /^([0-9a-fA-F]{2})+$/.test(text)
    ? decodeHex(text)
    : decodeBase64Url(text);
}
