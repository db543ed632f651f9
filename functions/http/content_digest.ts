/**
 * Content digests of requests and replies (RFC 9530).
 *
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { contentDigest, fitsDigest } from "../../sdk/wire/content_digest.ts";

/**
 * Refuses a body that broke on the way; one without `Content-Digest` is taken as it is.
 *
 * @throws {CipherlayerError} `malformed`, retryable
 */
export async function checkContentDigest(
  headers: Headers,
  body: Uint8Array,
): Promise<void> {
  if (await fitsDigest(headers.get("content-digest"), body)) return;
  throw new CipherlayerError(
    "malformed",
    "Cannot read body: expected the bytes that its content-digest tells, got others",
    { retryable: true },
  );
}

/** Adds `Content-Digest` to answers in CBOR. */
export const digestAnswers: MiddlewareHandler = async (c, next) => {
  await next();
  if (c.res.headers.get("content-type") !== "application/cbor") return;
  const body = await c.res.bytes();
  const headers = new Headers(c.res.headers);
  headers.set("content-digest", await contentDigest(body));
  c.res = new Response(body, { status: c.res.status, headers });
};
