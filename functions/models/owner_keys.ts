/**
 * Public keys of model owners, which verify releases.
 *
 * @module
 */
import { decodeBase64Url } from "@std/encoding/base64url";
import { compactVerify, importJWK } from "jose";
import { releaseType } from "../../models/package/release.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";

const ed25519Bytes = 32;

/**
 * The owners' public keys (Ed25519), by which their releases are recognised.
 * A key's id is the key itself, in base64url.
 */
export class OwnerKeys {
  readonly #keys: ReadonlySet<string>;

  /**
   * @param keys 32 bytes each, in base64url
   * @throws {RangeError} if one is something else
   */
  constructor(keys: readonly string[]) {
    keys.forEach(checkOwnerKey);
    this.#keys = new Set(keys);
  }

  /**
   * What an owner signed.
   *
   * @param signed a signature in JWS compact form (RFC 7515, 8037)
   * @returns its payload and the id of the key that made it
   * @throws {CipherlayerError} `malformed` if it is none, `signature-rejected` if the
   * key is no owner's or the signature not one of the payload
   */
  async verify(
    signed: string,
  ): Promise<{ payload: Uint8Array; keyId: string }> {
    try {
      const { payload, protectedHeader } = await compactVerify(
        signed,
        ({ kid, typ }) => {
          if (typ !== releaseType || !kid) {
            refuse("malformed", "expected the signature of a release");
          }
          if (!this.#keys.has(kid)) {
            refuse(
              "signature-rejected",
              `its key ${
                JSON.stringify(kid.slice(0, 60))
              } is not one of the owners' keys`,
            );
          }
          return importJWK({ kty: "OKP", crv: "Ed25519", x: kid }, "Ed25519");
        },
        { algorithms: ["Ed25519"] },
      );
      return { payload, keyId: protectedHeader.kid! };
    } catch (error) {
      if (error instanceof CipherlayerError) throw error;
      const { code } = error as { code?: string };
      if (code === "ERR_JWS_SIGNATURE_VERIFICATION_FAILED") {
        refuse(
          "signature-rejected",
          "the signature does not fit what it signs",
        );
      }
      refuse(
        "malformed",
        "expected a signature by Ed25519 in JWS compact form",
      );
    }
  }
}

function checkOwnerKey(key: string): void {
  let length = 0;
  try {
    length = decodeBase64Url(key).length;
  } catch {
    // Not base64url: no key.
  }
  if (length !== ed25519Bytes) {
    throw new RangeError(
      `Cannot use owner's key ${
        JSON.stringify(key.slice(0, 60))
      }: expected the ${ed25519Bytes} bytes of an Ed25519 public key in base64url`,
    );
  }
}

function refuse(code: "malformed" | "signature-rejected", why: string): never {
  throw new CipherlayerError(code, `Cannot accept release: ${why}`);
}
