/**
 * `Content-Digest` (RFC 9530) of bodies, so that bytes that break on the way are
 * seen: a ciphertext with another bit decrypts to a number like any other. No
 * protection against somebody who alters them on purpose; TLS is.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";

/** Value of the header for `body`. */
export async function contentDigest(body: Uint8Array): Promise<string> {
  return `sha-256=:${btoa(String.fromCharCode(...await hash(body)))}:`;
}

/** Whether `body` is what the header tells; true where the header tells nothing of SHA-256. */
export async function fitsDigest(
  header: string | null,
  body: Uint8Array,
): Promise<boolean> {
  const told = /(?:^|,)\s*(sha-256=:[A-Za-z0-9+/]*=*:)/.exec(header ?? "");
  return told === null || told[1] === await contentDigest(body);
}

/** Pages that came without TLS have no `crypto.subtle`. */
async function hash(bytes: Uint8Array): Promise<Uint8Array> {
  if (!globalThis.crypto?.subtle) return sha256(bytes);
  return new Uint8Array(
    await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>),
  );
}
