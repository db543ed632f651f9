/**
 * Unpadded base64url (RFC 4648, section 5).
 *
 * @module
 */
/** Bytes as unpadded base64url (RFC 4648, section 5). */
export function encodeBase64Url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_")
    .replaceAll("=", "");
}

/**
 * The bytes of unpadded base64url.
 *
 * @throws {TypeError} on other characters, padding included, or a length that
 * cannot be
 */
export function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> {
  if (!isBase64Url(text)) {
    throw new TypeError(
      "Cannot decode base64url: expected unpadded base64url, got other text",
    );
  }
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** Whether `text` could be unpadded base64url. */
export function isBase64Url(text: string): boolean {
  return /^[-_A-Za-z0-9]*$/.test(text) && text.length % 4 !== 1;
}
