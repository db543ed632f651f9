import { sha256 } from "@noble/hashes/sha2.js";
import type { Principal } from "./principal.ts";

/** What session tokens carry of an account: SHA-256 of its name, of one length for all. */
export function accountDigest({ account }: Principal): Uint8Array {
  return sha256(new TextEncoder().encode(account));
}
