/** Encodes bytes as unpadded base64url (RFC 4648, section 5). */
export function encodeBase64Url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_")
    .replaceAll("=", "");
}

/** Decodes base64url, padded or not; throws `TypeError` on other characters. */
export function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[-_A-Za-z0-9]*={0,2}$/.test(text)) {
    throw new TypeError("Cannot decode input as base64url: Invalid character");
  }
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
