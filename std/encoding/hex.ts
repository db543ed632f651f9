const digits = "0123456789abcdef";

/** Encodes bytes as lower-case hexadecimal. */
export function encodeHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += digits[byte >> 4] + digits[byte & 15];
  return text;
}

/** Decodes hexadecimal; throws `TypeError` on an odd length or a bad digit. */
export function decodeHex(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 2 !== 0) {
    throw new TypeError(
      "Cannot decode input as hex: Input length should be an even number",
    );
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const pair = text.slice(2 * i, 2 * i + 2);
    if (!/^[0-9a-fA-F]{2}$/.test(pair)) {
      throw new TypeError(`Cannot decode input as hex: Invalid byte (${pair})`);
    }
    bytes[i] = parseInt(pair, 16);
  }
  return bytes;
}
