import { CipherlayerError } from "../sdk/errors.ts";
import { checkContentDigest } from "./content_digest.ts";

/** What one call may ask of the functions. */
export interface Limits {
  /** Bytes of a request's body. */
  bodyBytes: number;
  /** Samples per inference. */
  samples: number;
  /** Parts that a round may be split into. */
  shards: number;
  /** A session's tokens are good for this long. */
  tokenLifetimeMs: number;
  /** Memory for tables of re-randomisation: at 2048 bits 14 MB a key, 43 MB for large batches. */
  randomiserBytes: number;
}

export const defaultLimits: Limits = {
  bodyBytes: 32 * 2 ** 20,
  samples: 4096,
  shards: 64,
  tokenLifetimeMs: 60 * 60 * 1000,
  randomiserBytes: 192 * 2 ** 20,
};

/**
 * Reads a request's body. A length stated above the limit is refused before a
 * byte is read, one that only shows is refused while reading.
 *
 * @throws {CipherlayerError} `body-too-large`; `malformed` for another content type
 */
export async function readBody(
  request: Request,
  mostBytes: number,
): Promise<Uint8Array> {
  const type = request.headers.get("content-type");
  if (type !== "application/cbor") {
    throw new CipherlayerError(
      "malformed",
      "Cannot read body: expected content-type application/cbor",
    );
  }
  if (Number(request.headers.get("content-length") ?? 0) > mostBytes) {
    await request.body?.cancel();
    throw tooLarge(mostBytes);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > mostBytes) throw tooLarge(mostBytes);
    chunks.push(chunk);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  await checkContentDigest(request.headers, body);
  return body;
}

function tooLarge(mostBytes: number): CipherlayerError {
  return new CipherlayerError(
    "body-too-large",
    `Cannot read body: expected at most ${mostBytes} bytes`,
  );
}
