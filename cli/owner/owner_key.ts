/**
 * The key by which an owner signs releases: Ed25519, kept as a JWK in a file.
 *
 * @module
 */
import { writeFile } from "node:fs/promises";
import { CompactSign, exportJWK, generateKeyPair, importJWK } from "jose";
import {
  faultCode,
  FileError,
  fileError,
  readText,
} from "../../models/package/read_file.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import {
  encodeRelease,
  maxSignedReleaseBytes,
  type Release,
  releaseType,
} from "../../models/package/release.ts";

type Secret = Awaited<ReturnType<typeof importJWK>>;

/** A key pair; only `sign` ever uses its secret half. */
export class OwnerKey {
  /** The public key, 32 bytes in base64url: what functions know the owner by. */
  readonly publicKey: string;
  readonly #secret: Secret;

  private constructor(publicKey: string, secret: Secret) {
    this.publicKey = publicKey;
    this.#secret = secret;
  }

  /**
   * Makes a key pair and writes it to a new file, readable by its user alone.
   *
   * @throws {FileError} if there is a file
   */
  static async create(path: string): Promise<OwnerKey> {
    const { privateKey } = await generateKeyPair("Ed25519", {
      extractable: true,
    });
    const jwk = await exportJWK(privateKey);
    try {
      const text = JSON.stringify(jwk, null, 1) + "\n";
      await writeFile(path, text, { flag: "wx", mode: 0o600 });
    } catch (cause) {
      throw fileError("write", path, cause);
    }
    return await OwnerKey.read(path);
  }

  /** @throws {CipherlayerError} `key-missing`, `key-corrupt` */
  static async read(path: string): Promise<OwnerKey> {
    let text: string;
    try {
      text = await readText(path);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      if (faultCode(error.cause) !== "ENOENT") throw error;
      throw new CipherlayerError(
        "key-missing",
        `Cannot sign: expected an owner's key in ${path}; make one with "cipherlayer owner-key create"`,
      );
    }
    try {
      const { kty, crv, x, d } = JSON.parse(text);
      const jwk = { kty, crv, x, d };
      if (kty !== "OKP" || crv !== "Ed25519" || typeof d !== "string") throw 0;
      const secret = await importJWK(jwk, "Ed25519");
      return new OwnerKey(x, secret);
    } catch {
      // The fault of a parser may quote the file.
      throw new CipherlayerError(
        "key-corrupt",
        `Cannot sign: expected an Ed25519 private key (JWK) in ${path}`,
      );
    }
  }

  /**
   * The release, signed, in JWS compact form (RFC 7515): it covers name, version,
   * files, and the digest of every chunk.
   *
   * @throws {CipherlayerError} `body-too-large`
   */
  async sign(release: Release): Promise<string> {
    const signed = await new CompactSign(encodeRelease(release))
      .setProtectedHeader({
        alg: "Ed25519",
        typ: releaseType,
        kid: this.publicKey,
      })
      .sign(this.#secret);
    if (signed.length > maxSignedReleaseBytes) {
      throw new CipherlayerError(
        "body-too-large",
        `Cannot sign release: expected at most ${maxSignedReleaseBytes} bytes, got ${signed.length}`,
      );
    }
    return signed;
  }
}
