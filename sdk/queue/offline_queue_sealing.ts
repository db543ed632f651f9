/**
 * Seals queued readings under a gateway's current key.
 *
 * @module
 */
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import { concat } from "../support/bytes.ts";
import { CipherlayerError } from "../support/errors.ts";
import type { KeyStore } from "../keys/key_store.ts";
import { bytesFromBigInt } from "../paillier/public/big_integer.ts";
import type { PrivateKey } from "../paillier/private/private_key.ts";
import type { RandomSource } from "../support/random.ts";

/*
 * A sealed blob: its kind (1 byte), the fingerprint of the key (32), a checksum of
 * name, kind and fingerprint (8), by which damage there is distinguished from a key that is
 * missing, a nonce (12), then AES-256-GCM under HKDF-SHA-256 of the key's primes. The blob's name, kind
 * and fingerprint are authenticated too, so that blobs cannot trade places.
 */
const checksumBytes = 8;
const headBytes = 1 + 32 + checksumBytes;
const nonceBytes = 12;

/** Seals blobs under the current key of a store, opens those of any of its keys. */
export class QueueSealer {
  readonly #keys: KeyStore;
  readonly #random: RandomSource;
  /** By fingerprint; scrypt would be too slow to open the store each time. */
  readonly #derived = new Map<string, Promise<CryptoKey>>();

  constructor(keys: KeyStore, random: RandomSource) {
    this.#keys = keys;
    this.#random = random;
  }

  /** @throws {CipherlayerError} "key-missing" if the store holds no key */
  async seal(
    name: string,
    kind: number,
    content: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const fingerprint = await this.#keys.fingerprint();
    if (fingerprint === null) throw missing("a key in the store, got none");
    const head = headOf(name, kind, fingerprint);
    const nonce = this.#random(nonceBytes);
    const sealed = await crypto.subtle.encrypt(
      aesGcm(name, head, nonce),
      await this.#key(fingerprint),
      content,
    );
    return concat(head, nonce, new Uint8Array(sealed));
  }

  /**
   * @throws {CipherlayerError} "key-missing" if the blob's key is not in the store,
   * "queue-corrupt" if the blob is damaged or gone
   */
  async open(
    name: string,
    blob: Uint8Array<ArrayBuffer> | null,
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (blob === null || blob.length < headBytes + nonceBytes) {
      throw corrupt(name);
    }
    const head = blob.subarray(0, headBytes);
    const nonce = blob.subarray(headBytes, headBytes + nonceBytes);
    const fingerprint = bytesToHex(head.subarray(1, 33));
    if (bytesToHex(headOf(name, head[0], fingerprint)) !== bytesToHex(head)) {
      throw corrupt(name);
    }
    const key = await this.#key(fingerprint);
    try {
      const content = await crypto.subtle.decrypt(
        aesGcm(name, head, nonce),
        key,
        blob.subarray(headBytes + nonceBytes),
      );
      return new Uint8Array(content);
    } catch (cause) {
      throw corrupt(name, cause);
    }
  }

  /** Opens the current key, if there is one, so that sealing is quick. */
  async prepare(): Promise<void> {
    const fingerprint = await this.#keys.fingerprint();
    if (fingerprint !== null) await this.#key(fingerprint);
  }

  #key(fingerprint: string): Promise<CryptoKey> {
    const known = this.#derived.get(fingerprint);
    if (known) return known;
    const derived = this.#derive(fingerprint);
    this.#derived.set(fingerprint, derived);
    // A store that fails now may open later.
    derived.catch(() => this.#derived.delete(fingerprint));
    return derived;
  }

  async #derive(fingerprint: string): Promise<CryptoKey> {
    const key = await this.#keys.load(fingerprint);
    if (key === null) {
      throw missing(`key ${fingerprint.slice(0, 16)} in the store`);
    }
    const secret = queueSecret(key);
    const imported = await crypto.subtle.importKey(
      "raw",
      secret,
      "AES-GCM",
      false,
      ["encrypt", "decrypt"],
    );
    secret.fill(0);
    return imported;
  }
}

function headOf(name: string, kind: number, fingerprint: string): Uint8Array {
  const head = concat(Uint8Array.of(kind), hexToBytes(fingerprint));
  const named = concat(head, new TextEncoder().encode(name));
  return concat(head, sha256(named).subarray(0, checksumBytes));
}

function queueSecret(key: PrivateKey): Uint8Array<ArrayBuffer> {
  const { modulusBytes } = key.publicKey;
  const ascending = [...key.exportPrimes()].sort((p, q) => p < q ? -1 : 1);
  const primes = concat(
    ...ascending.map((prime) => bytesFromBigInt(prime, modulusBytes)),
  );
  const secret = hkdf(
    sha256,
    primes,
    undefined,
    new TextEncoder().encode("cipherlayer-queue-v1"),
    32,
  );
  primes.fill(0);
  return secret as Uint8Array<ArrayBuffer>;
}

function aesGcm(
  name: string,
  head: Uint8Array,
  nonce: Uint8Array,
): AesGcmParams {
  return {
    name: "AES-GCM",
    iv: nonce as Uint8Array<ArrayBuffer>,
    additionalData: concat(head, new TextEncoder().encode(name)),
  };
}

function missing(expected: string): CipherlayerError {
  return new CipherlayerError(
    "key-missing",
    `Cannot use queue: expected ${expected}`,
  );
}

function corrupt(name: string, cause?: unknown): CipherlayerError {
  return new CipherlayerError(
    "queue-corrupt",
    `Cannot read queue: expected ${name} whole, got damaged bytes`,
    { cause },
  );
}
