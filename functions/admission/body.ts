import { CipherlayerError } from "../../sdk/support/errors.ts";
import { checkContentDigest } from "../http/content_digest.ts";

/** What one call may ask of the functions. */
export interface Limits {
  /** Bytes of a request's body. */
  bodyBytes: number;
  /** From the first byte of a body to its last. */
  bodyTimeoutMs: number;
  /** Samples per inference. */
  samples: number;
  /** Parts that a round may be split into. */
  shards: number;
  /**
   * Predicted milliseconds of a call, on one core of the machine that the cost model
   * knows: rounds that take longer are split. All instances need the same.
   */
  maxMillisecondsPerCall: number;
  /** A session's tokens are good for this long. */
  tokenLifetimeMs: number;
  /** Memory for tables of re-randomisation: at 2048 bits 14 MB a key, 43 MB for large batches. */
  randomiserBytes: number;
}

export const defaultLimits: Limits = {
  bodyBytes: 32 * 2 ** 20,
  bodyTimeoutMs: 120_000,
  samples: 4096,
  shards: 64,
  maxMillisecondsPerCall: Infinity,
  tokenLifetimeMs: 60 * 60 * 1000,
  randomiserBytes: 192 * 2 ** 20,
};

/** @throws {CipherlayerError} `malformed` for a body that is not said to be CBOR */
export function checkContentType({ headers }: Request): void {
  if (headers.get("content-type") === "application/cbor") return;
  throw new CipherlayerError(
    "malformed",
    "Cannot read body: expected content-type application/cbor",
  );
}

/**
 * Reads a request's body. A length stated above the limit is refused before a
 * byte is read, one that only shows is refused while reading.
 *
 * @throws {CipherlayerError} `body-too-large`; `malformed`, retryable, for a body that
 * takes too long or ends early; whatever `onBytes` throws
 *
 * @param onBytes told of bytes as they come, before they are kept
 */
export async function readBody(
  request: Request,
  { bodyBytes, bodyTimeoutMs }: Pick<Limits, "bodyBytes" | "bodyTimeoutMs">,
  onBytes: (count: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const stated = request.headers.get("content-length");
  if (Number(stated ?? 0) > bodyBytes) {
    await request.body?.cancel();
    throw tooLarge(bodyBytes);
  }
  const reader = request.body?.getReader();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    reader?.cancel().catch(() => {});
  }, bodyTimeoutMs);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    while (reader) {
      const { done, value } = await reader.read();
      if (late) throw tooSlow(bodyTimeoutMs);
      if (done) break;
      length += value.length;
      if (length > bodyBytes) throw tooLarge(bodyBytes);
      onBytes(value.length);
      chunks.push(value);
    }
    // Where a server breaks bodies off, their streams just end.
    if (stated !== null && Number(stated) !== length) throw endedEarly();
  } catch (error) {
    await reader?.cancel().catch(() => {});
    throw error instanceof CipherlayerError ? error : endedEarly(error);
  } finally {
    clearTimeout(timer);
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

function tooLarge(maxBytes: number): CipherlayerError {
  return new CipherlayerError(
    "body-too-large",
    `Cannot read body: expected at most ${maxBytes} bytes`,
  );
}

/** The connection broke in the middle: nobody may be there to be told. */
function endedEarly(cause?: unknown): CipherlayerError {
  return new CipherlayerError(
    "malformed",
    "Cannot read body: expected all of it, got a part",
    { retryable: true, cause },
  );
}

function tooSlow(timeoutMs: number): CipherlayerError {
  return new CipherlayerError(
    "malformed",
    `Cannot read body: expected its end within ${timeoutMs} ms`,
    { retryable: true },
  );
}
