/**
 * Reads request bodies within limits of size and time.
 *
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { readLimited } from "../../sdk/support/bytes.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { Limits } from "./limits.ts";
import { checkContentDigest } from "../http/content_digest.ts";

/** Chunks of any size; beyond them, chunks are this long on average or longer. */
const freeChunks = 256;
const meanChunkBytes = 16;

/** A body that is not read to its end: its connection is closed, and the rest never read. */
export class UnreadBody extends CipherlayerError {}

/**
 * Refuses calls to a host that is none: their address cannot be read.
 *
 * @throws {UnreadBody} `malformed`
 */
export const refuseUnaddressed: MiddlewareHandler = async (c, next) => {
  if (!URL.canParse(c.req.raw.url)) {
    throw new UnreadBody("malformed", "Cannot read call: expected a host");
  }
  await next();
};

/**
 * Refuses bodies of no stated length before a byte is read: a server spends more on
 * tiny chunks than on all that they could ask for.
 *
 * @throws {UnreadBody} `malformed`, with status 411
 */
export const refuseUnmeasured: MiddlewareHandler = async (c, next) => {
  if (c.req.raw.headers.has("transfer-encoding")) {
    throw new UnreadBody(
      "malformed",
      "Cannot read body: expected a content-length, got a transfer-encoding",
      { status: 411 },
    );
  }
  await next();
};

/**
 * @throws {CipherlayerError} `malformed` for a body that is not said to be CBOR, with
 * status 415 for one that is compressed
 */
export function checkContentType({ headers }: Request): void {
  const encoding = headers.get("content-encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity") {
    throw new CipherlayerError(
      "malformed",
      "Cannot read body: expected no content-encoding",
      { status: 415 },
    );
  }
  if (headers.get("content-type") === "application/cbor") return;
  throw new CipherlayerError(
    "malformed",
    "Cannot read body: expected content-type application/cbor",
  );
}

/**
 * Reads a request's body. A length stated above the limit is refused before a byte is
 * read, one that only shows is refused while reading.
 *
 * @throws {CipherlayerError} `body-too-large`; `malformed`, retryable for a body that
 * comes too slowly or ends early; whatever `onBytes` throws
 *
 * @param onBytes called before memory is taken
 */
export async function readBody(
  request: Request,
  { bodyBytes, bodyPatienceMs }: Pick<Limits, "bodyBytes" | "bodyPatienceMs">,
  onBytes: (count: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const stated = request.headers.get("content-length");
  if (Number(stated ?? 0) > bodyBytes) {
    await request.body?.cancel();
    throw tooLarge(bodyBytes);
  }
  const slow = new AbortController();
  let length = 0, lengthBefore = 0;
  const timer = setInterval(() => {
    if (length - lengthBefore < bodyPatienceMs) {
      slow.abort(tooSlow(bodyPatienceMs));
    }
    lengthBefore = length;
  }, bodyPatienceMs);
  const body = await readLimited(request.body, {
    maxBytes: bodyBytes,
    statedBytes: Number(stated ?? 0),
    signal: slow.signal,
    onMemory: onBytes,
    onChunk(bytes, chunks) {
      if (chunks > freeChunks + bytes / meanChunkBytes) throw tooManyChunks();
      length = bytes;
    },
  }).catch((error) => {
    throw error instanceof CipherlayerError ? error : endedEarly(error);
  }).finally(() => clearInterval(timer));
  if (body === null) throw tooLarge(bodyBytes);
  // Where a server breaks bodies off, their streams just end.
  if (stated !== null && Number(stated) !== body.length) throw endedEarly();
  await checkContentDigest(request.headers, body);
  return body;
}

function tooLarge(maxBytes: number): UnreadBody {
  return new UnreadBody(
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

function tooManyChunks(): UnreadBody {
  return new UnreadBody(
    "malformed",
    `Cannot read body: expected chunks of ${meanChunkBytes} bytes or more on average`,
  );
}

function tooSlow(patienceMs: number): UnreadBody {
  return new UnreadBody(
    "malformed",
    `Cannot read body: expected ${patienceMs} bytes or its end in each ${patienceMs} ms`,
    { retryable: true },
  );
}
