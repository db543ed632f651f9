/**
 * The format of key files: a private key sealed by a passphrase (scrypt, AES-256-GCM).
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { scryptAsync } from "@noble/hashes/scrypt.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import {
  decodeBase64Url,
  encodeBase64Url,
  isBase64Url,
} from "../support/base64url.ts";
import { CipherlayerError } from "../support/errors.ts";
import { exportPrivateJwk, importPrivateJwk } from "../paillier/private/jwk.ts";
import type { PrivateKey } from "../paillier/private/private_key.ts";
import { platformRandom, type RandomSource } from "../support/random.ts";

/*
 * A sealed key is JSON: what is needed to open it in the clear, the private JWK
 * under AES-256-GCM with a key from scrypt, and a checksum that tells damage from
 * a wrong passphrase. The clear part is authenticated too.
 */

const format = "cipherlayer-key-1";

interface Header {
  format: typeof format;
  fingerprint: string;
  kdf: { name: "scrypt"; N: number; r: number; p: number; salt: string };
  cipher: { name: "AES-256-GCM"; nonce: string };
}

interface SealedKey extends Header {
  sealed: string;
  /** The key has made way for another. */
  retired?: true;
  /** Hexadecimal SHA-256 of all the above, as JSON. */
  checksum: string;
}

/** How a key is sealed; the defaults suit gateways. */
export interface SealingOptions {
  /**
   * Cost N of scrypt, a power of two: its memory is N KiB.
   *
   * @default 65,536, that is 64 MiB and about half a second
   */
  cost?: number;
  /**
   * Source of salt and nonce.
   *
   * @default the platform's cryptographic source
   */
  random?: RandomSource;
}

/**
 * The key encrypted under a passphrase, as UTF-8 JSON that any store may hold.
 *
 * @throws {RangeError} on an empty passphrase or a cost that is not a power of two
 * from 2^10 to 2^20
 */
export async function sealPrivateKey(
  key: PrivateKey,
  passphrase: string,
  options: SealingOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { cost = 1 << 16, random = platformRandom } = options;
  if (!isCost(cost)) {
    throw new RangeError(
      `Cannot seal key: expected a cost of 2^10 to 2^20, got ${cost}`,
    );
  }
  const nonce = random(12);
  const header: Header = {
    format,
    fingerprint: key.publicKey.fingerprint,
    kdf: {
      name: "scrypt",
      N: cost,
      r: 8,
      p: 2,
      salt: encodeBase64Url(random(16)),
    },
    cipher: { name: "AES-256-GCM", nonce: encodeBase64Url(nonce) },
  };
  const plain = utf8(JSON.stringify(exportPrivateJwk(key)));
  const sealed = await crypto.subtle.encrypt(
    aesGcm(header),
    await sealingKey(header, passphrase, "encrypt"),
    plain,
  );
  plain.fill(0);
  const body = { ...header, sealed: encodeBase64Url(new Uint8Array(sealed)) };
  return encodeFile({ ...body, checksum: checksum(body) });
}

/**
 * Opens what `sealPrivateKey` made.
 *
 * @throws {CipherlayerError} "key-corrupt" if the bytes are damaged or no sealed
 * key, "wrong-passphrase" if they are whole but do not open
 */
export async function unsealPrivateKey(
  bytes: Uint8Array,
  passphrase: string,
): Promise<PrivateKey> {
  const { sealed, retired: _, ...header } = parse(bytes);
  const key = await sealingKey(header, passphrase, "decrypt");
  let plain: ArrayBuffer;
  try {
    plain = await crypto.subtle.decrypt(
      aesGcm(header),
      key,
      decodeBase64Url(sealed),
    );
  } catch (cause) {
    throw new CipherlayerError(
      "wrong-passphrase",
      `Cannot open key ${header.fingerprint.slice(0, 16)}: wrong passphrase`,
      { cause },
    );
  }
  const opened = importPrivateJwk(JSON.parse(new TextDecoder().decode(plain)));
  if (opened.publicKey.fingerprint !== header.fingerprint) {
    throw corrupt("the key that its fingerprint names");
  }
  return opened;
}

/**
 * Fingerprint of a sealed key, without its passphrase.
 *
 * @throws {CipherlayerError} "key-corrupt" if the bytes are damaged or no sealed key
 */
export function fingerprintOfSealed(bytes: Uint8Array): string {
  return parse(bytes).fingerprint;
}

/** Whether a sealed key was retired by {@linkcode retireSealed}. */
export function isRetired(bytes: Uint8Array): boolean {
  return parse(bytes).retired === true;
}

/** The same sealed key, marked as retired; that takes no passphrase. */
export function retireSealed(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const body = { ...parse(bytes), retired: true as const };
  return encodeFile({ ...body, checksum: checksum(body) });
}

async function sealingKey(
  { kdf }: Header,
  passphrase: string,
  usage: "encrypt" | "decrypt",
): Promise<CryptoKey> {
  if (passphrase === "") {
    throw new RangeError(
      "Cannot derive key: expected a passphrase, got an empty one",
    );
  }
  const bytes = await scryptAsync(
    passphrase.normalize("NFKC"),
    decodeBase64Url(kdf.salt),
    { N: kdf.N, r: kdf.r, p: kdf.p, dkLen: 32, maxmem: 2 ** 31 },
  );
  const key = await crypto.subtle.importKey(
    "raw",
    bytes as Uint8Array<ArrayBuffer>,
    "AES-GCM",
    false,
    [usage],
  );
  bytes.fill(0);
  return key;
}

function aesGcm({ format, fingerprint, kdf, cipher }: Header): AesGcmParams {
  return {
    name: "AES-GCM",
    iv: decodeBase64Url(cipher.nonce),
    additionalData: utf8(JSON.stringify({ format, fingerprint, kdf, cipher })),
  };
}

/** The parts of a sealed key, all checked but the seal itself. */
function parse(bytes: Uint8Array): Omit<SealedKey, "checksum"> {
  let file: SealedKey;
  try {
    file = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw corrupt("JSON");
  }
  if (file?.format !== format) throw corrupt(`format "${format}"`);
  const { checksum: stated, ...body } = file;
  if (stated !== checksum(body)) throw corrupt("its checksum to agree");
  const known = file.kdf?.name === "scrypt" && isCost(file.kdf.N) &&
    file.kdf.r === 8 && file.kdf.p === 2 &&
    file.cipher?.name === "AES-256-GCM";
  if (!known) throw corrupt("scrypt of cost 2^10 to 2^20 and AES-256-GCM");
  const texts = [
    file.fingerprint,
    file.kdf.salt,
    file.cipher.nonce,
    file.sealed,
  ];
  if (!texts.every(isFilledBase64Url)) {
    throw corrupt("fingerprint, salt, nonce and seal as text");
  }
  return body;
}

function isFilledBase64Url(text: unknown): boolean {
  return typeof text === "string" && text !== "" && isBase64Url(text);
}

function isCost(cost: number): boolean {
  return Number.isInteger(cost) && Number.isInteger(Math.log2(cost)) &&
    cost >= 1 << 10 && cost <= 1 << 20;
}

function checksum(body: Omit<SealedKey, "checksum">): string {
  return bytesToHex(sha256(utf8(JSON.stringify(body))));
}

function corrupt(expected: string): CipherlayerError {
  return new CipherlayerError(
    "key-corrupt",
    `Cannot open key: expected ${expected}, got a damaged or foreign file`,
  );
}

function encodeFile(file: SealedKey): Uint8Array<ArrayBuffer> {
  return utf8(JSON.stringify(file, null, 2) + "\n");
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
