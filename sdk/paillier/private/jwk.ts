/**
 * Keys as JSON Web Keys in python-paillier's form.
 *
 * @module
 */
import { decodeBase64Url, encodeBase64Url } from "../../support/base64url.ts";
import { CipherlayerError } from "../../support/errors.ts";
import {
  bigIntFromBytes,
  bitLength,
  bytesFromBigInt,
} from "../public/big_integer.ts";
import { factorModulus } from "./factor_modulus.ts";
import { isProbablePrime } from "./primes.ts";
import { PrivateKey } from "./private_key.ts";
import { PublicKey } from "../public/public_key.ts";

/**
 * A public key as python-paillier writes it; integers are base64url, big-endian.
 *
 * @example
 * ```ts
 * import { importPublicJwk, type PublicJwk } from "@cipherlayer/sdk";
 *
 * const read = (text: string) => importPublicJwk(JSON.parse(text) as PublicJwk);
 * console.log(typeof read);
 * ```
 */
export interface PublicJwk {
  /** Key type, python-paillier's own. */
  kty: "DAJ";
  /** Algorithm: Paillier with generator N + 1. */
  alg: "PAI-GN1";
  /** What the key is for. */
  key_ops: ["encrypt"];
  /** N. */
  n: string;
  /** Name of the key: here its fingerprint. */
  kid: string;
}

/**
 * A private key: of two primes as python-paillier writes it, of more with `oth` besides,
 * after RFC 7518. Programs that know `p` and `q` alone refuse the latter, because
 * their product is not N. Secret: seal it before it is stored.
 *
 * @example
 * ```ts
 * import { exportPrivateJwk, generatePrivateKey, type PrivateJwk } from "@cipherlayer/sdk";
 *
 * const jwk: PrivateJwk = exportPrivateJwk(await generatePrivateKey(2048));
 * if (jwk.key_ops[0] !== "decrypt") throw new Error("not a private key");
 * ```
 */
export interface PrivateJwk {
  /** Key type, python-paillier's own. */
  kty: "DAJ";
  /** What the key is for. */
  key_ops: ["decrypt"];
  /** First prime factor of N. */
  p: string;
  /** Second prime factor of N. */
  q: string;
  /** The third prime factor of N and the fourth, where it has more than two. */
  oth?: { r: string }[];
  /** The public key that belongs to it. */
  pub: PublicJwk;
  /** Name of the key: here its fingerprint. */
  kid: string;
}

/**
 * The public key as a JSON Web Key; `kid` is the fingerprint.
 *
 * @example
 * ```ts
 * import { exportPublicJwk, generatePrivateKey } from "@cipherlayer/sdk";
 *
 * const { publicKey } = await generatePrivateKey(2048);
 * const { kid, kty } = exportPublicJwk(publicKey);
 * if (kid !== publicKey.fingerprint || kty !== "DAJ") throw new Error("wrong key");
 * ```
 */
export function exportPublicJwk(key: PublicKey): PublicJwk {
  return {
    kty: "DAJ",
    alg: "PAI-GN1",
    key_ops: ["encrypt"],
    n: encodeInteger(key.modulus),
    kid: key.fingerprint,
  };
}

/**
 * The private key as a JSON Web Key, in the clear: for sealing and, if it has two
 * primes, for python-paillier. Nothing else in the SDK shows the primes.
 *
 * @example
 * ```ts
 * import { exportPrivateJwk, generatePrivateKey, importPrivateJwk } from "@cipherlayer/sdk";
 *
 * const key = await generatePrivateKey(2048);
 * const text = JSON.stringify(exportPrivateJwk(key));
 * const again = importPrivateJwk(JSON.parse(text));
 * if (again.publicKey.modulus !== key.publicKey.modulus) throw new Error("wrong");
 * ```
 */
export function exportPrivateJwk(key: PrivateKey): PrivateJwk {
  const [p, q, ...others] = key.exportPrimes().map(encodeInteger);
  return {
    kty: "DAJ",
    key_ops: ["decrypt"],
    p,
    q,
    ...(others.length > 0 ? { oth: others.map((r) => ({ r })) } : {}),
    pub: exportPublicJwk(key.publicKey),
    kid: key.publicKey.fingerprint,
  };
}

/**
 * Reads a public key that python-paillier or `exportPublicJwk` wrote.
 *
 * @throws {CipherlayerError} "malformed", naming the member
 *
 * @example
 * ```ts
 * import { exportPublicJwk, generatePrivateKey, importPublicJwk } from "@cipherlayer/sdk";
 *
 * const { publicKey } = await generatePrivateKey(2048);
 * const again = importPublicJwk(exportPublicJwk(publicKey));
 * if (again.modulus !== publicKey.modulus) throw new Error("another key");
 * ```
 */
export function importPublicJwk(jwk: unknown): PublicKey {
  const members = object(jwk, "a public key");
  constant(members, "kty", "DAJ");
  constant(members, "alg", "PAI-GN1");
  return guarded(() => new PublicKey(integer(members, "n")));
}

/**
 * Reads a private key, with the members `p`, `q` (python-paillier since 1.2), of more
 * than two primes `oth` too, or `lambda`, `mu` (python-paillier before). Checks that it belongs to its public key and that the
 * factors are prime.
 *
 * @throws {CipherlayerError} "malformed", naming the member, never its value
 *
 * @example
 * ```ts
 * import { CipherlayerError, importPrivateJwk } from "@cipherlayer/sdk";
 *
 * try {
 *   importPrivateJwk({ kty: "RSA" });
 * } catch (error) {
 *   if (!(error instanceof CipherlayerError) || error.code !== "malformed") throw error;
 * }
 * ```
 */
export function importPrivateJwk(jwk: unknown): PrivateKey {
  const members = object(jwk, "a private key");
  constant(members, "kty", "DAJ");
  const { modulus } = importPublicJwk(members.pub);
  const primes = members.p === undefined && members.lambda !== undefined
    ? factors(modulus, integer(members, "lambda"))
    : [integer(members, "p"), integer(members, "q"), ...others(members)];
  if (primes.reduce((product, prime) => product * prime) !== modulus) {
    malformed("the product of all primes to be the public n", "another");
  }
  if (!primes.every((prime) => isProbablePrime(prime))) {
    malformed("all factors of n to be prime", "a composite");
  }
  return guarded(() => PrivateKey.fromPrimes(...primes));
}

function factors(modulus: bigint, lambda: bigint): bigint[] {
  return factorModulus(modulus, lambda) ??
    malformed("lambda to belong to the public n", "another");
}

/** The primes in `oth`, after the first two. */
function others({ oth }: Record<string, unknown>): bigint[] {
  if (oth === undefined) return [];
  if (!Array.isArray(oth) || oth.length < 1 || oth.length > 2) {
    malformed("oth to be a list of one or two primes", "another value");
  }
  return oth.map((prime) => integer(object(prime, "each of oth"), "r"));
}

/** Longest integers that are read: those of an 8192-bit key. */
const maxBits = 8192;

function encodeInteger(value: bigint): string {
  const length = Math.ceil(bitLength(value) / 8);
  return encodeBase64Url(bytesFromBigInt(value, length));
}

function integer(members: Record<string, unknown>, name: string): bigint {
  const text = members[name];
  const pattern = /^[-_A-Za-z0-9]+={0,2}$/;
  if (
    typeof text !== "string" || text.length * 6 > maxBits + 24 ||
    !pattern.test(text) || text.replaceAll("=", "").length % 4 === 1
  ) {
    malformed(
      `${name} to be a base64url integer of at most ${maxBits} bits`,
      typeof text === "string" ? "other text" : typeof text,
    );
  }
  return bigIntFromBytes(decodeBase64Url(text.replaceAll("=", "")));
}

function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const got = Array.isArray(value)
      ? "a list"
      : value === null
      ? "null"
      : typeof value;
    malformed(`${what} as a JSON object`, got);
  }
  return value as Record<string, unknown>;
}

function constant(
  members: Record<string, unknown>,
  name: string,
  expected: string,
): void {
  if (members[name] !== expected) {
    malformed(`${name} to be "${expected}"`, "another");
  }
}

/** Turns the refusal of a key's constructor into that of its text. */
function guarded<Key>(make: () => Key): Key {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CipherlayerError("malformed", error.message, { cause: error });
  }
}

function malformed(expected: string, got: string): never {
  throw new CipherlayerError(
    "malformed",
    `Cannot import key: expected ${expected}, got ${got}`,
  );
}
