/**
 * Makes, reads and hashes bearer tokens.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeBase64Url } from "@std/encoding/base64url";
import { encodeHex } from "@std/encoding/hex";
import type { RandomSource } from "../../sdk/support/random.ts";

/** 256 bits: nobody guesses one, so a fast digest protects it. */
const tokenBytes = 32;
/** By which scanners for leaked secrets know one. */
const prefix = "cipherlayer_";

/** A new bearer token: its only copy, to be given to the client. */
export function makeToken(random: RandomSource): string {
  return prefix + encodeBase64Url(random(tokenBytes));
}

/** What the functions know of a token: SHA-256 of its text, in hexadecimal. */
export function tokenDigest(token: string): string {
  return encodeHex(sha256(new TextEncoder().encode(token)));
}

/** The token of a request's `Authorization: Bearer`; null where there is none. */
export function bearerToken({ headers }: Request): string | null {
  const header = headers.get("authorization") ?? "";
  return /^bearer +([\w.~+/-]{1,400}=*)$/i.exec(header)?.[1] ?? null;
}
