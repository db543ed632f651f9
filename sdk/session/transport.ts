import { CipherlayerError, type ErrorCode } from "../support/errors.ts";
import { contentDigest, fitsDigest } from "../wire/content_digest.ts";

/** One answer of the functions. */
export interface Reply {
  body: Uint8Array;
  /** Evaluation time that the server states (`Server-Timing`), or null. */
  evaluateMs: number | null;
}

/** How to reach the functions. */
export interface TransportOptions {
  url: string | URL;
  /** Bearer token of the caller's account. */
  token?: string;
  /** Default: the platform's. */
  fetch?: typeof fetch;
  /** A call without a complete answer after this time counts as a network fault. */
  timeoutMs: number;
}

/** Posts one CBOR body and returns the CBOR answer. */
export type Transport = (
  path: string,
  body: Uint8Array,
  options: { maxBytes: number; signal?: AbortSignal },
) => Promise<Reply>;

const maxProblemBytes = 1 << 16;
const problemType = "application/problem+json";
/** Statuses after which the same call may succeed later. */
const retryableStatuses = new Set([408, 429, 502, 503, 504]);

/**
 * One HTTP call per call: no retries, bounded memory, and every fault as a
 * `CipherlayerError` (or the reason of `signal` when that aborts).
 *
 * @throws {TypeError} if the token cannot stand in a header
 */
export function createTransport(options: TransportOptions): Transport {
  const base = new URL(options.url);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  const send = options.fetch ?? globalThis.fetch;
  const { token } = options;
  checkToken(token);

  return async (path, body, { maxBytes, signal }) => {
    signal?.throwIfAborted();
    const target = new URL(path, base);
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), options.timeoutMs);
    const stop = AbortSignal.any(
      signal ? [signal, timeout.signal] : [timeout.signal],
    );
    try {
      const response = await send(target, {
        method: "POST",
        headers: {
          "content-type": "application/cbor",
          "content-digest": await contentDigest(body),
          ...token === undefined ? {} : { authorization: `Bearer ${token}` },
        },
        body: body as Uint8Array<ArrayBuffer>,
        signal: stop,
      });
      if (!response.ok) throw await problem(response, target, token);
      const type = response.headers.get("content-type") ?? "no type";
      if (!type.startsWith("application/cbor")) {
        await response.body?.cancel();
        throw new CipherlayerError(
          "malformed",
          `Cannot read answer of ${target}: expected application/cbor, got ${
            plain(type, 80)
          }`,
        );
      }
      const content = await readBody(response, maxBytes, target);
      const digest = response.headers.get("content-digest");
      if (!await fitsDigest(digest, content)) {
        throw new Error("the answer broke on the way");
      }
      return {
        body: content,
        evaluateMs: evaluateMs(response.headers.get("server-timing")),
      };
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof CipherlayerError) throw cause;
      const why = timeout.signal.aborted
        ? `no answer within ${options.timeoutMs} ms`
        : cause instanceof Error
        ? cause.message
        : String(cause);
      throw new CipherlayerError("network", `Cannot reach ${target}: ${why}`, {
        cause,
        retryable: true,
      });
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Reads a body of at most `maxBytes`, whatever its header promises. */
async function readBody(
  response: Response,
  maxBytes: number,
  target: URL,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > maxBytes) {
      await reader.cancel();
      throw new CipherlayerError(
        "body-too-large",
        `Cannot read answer of ${target}: expected at most ${maxBytes} bytes`,
      );
    }
    chunks.push(value);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

/** The fault that a status other than 2xx tells (RFC 9457 where it is one). */
export async function problem(
  response: Response,
  target: URL,
  token: string | undefined,
): Promise<CipherlayerError> {
  const { status } = response;
  let told: { code?: unknown; detail?: unknown; retryable?: unknown } = {};
  let broken = false;
  try {
    const body = await readBody(response, maxProblemBytes, target);
    const parsed = JSON.parse(new TextDecoder().decode(body));
    if (typeof parsed === "object" && parsed !== null) told = parsed;
  } catch {
    // The status alone says what there is to say. A problem that broke on the way
    // may have been one to try again.
    broken = response.headers.get("content-type") === problemType;
  }
  // A server that repeats the token must not bring it into logs.
  const detail = typeof told.detail === "string"
    ? plain(token ? told.detail.replaceAll(token, "") : told.detail, 400)
    : "no details";
  return new CipherlayerError(
    serverCodes.has(told.code) ? told.code as ErrorCode : "server-fault",
    `Cannot use ${target}: status ${status}, ${detail}`,
    {
      retryable: typeof told.retryable === "boolean"
        ? told.retryable
        : broken || retryableStatuses.has(status),
      retryAfterMs: retryAfterMs(response.headers),
      status,
    },
  );
}

/** Codes that functions send; others concern the gateway alone. */
const serverCodes: ReadonlySet<unknown> = new Set<ErrorCode>([
  "body-too-large",
  "budget-exceeded",
  "checksum-mismatch",
  "ciphertext-out-of-range",
  "count-mismatch",
  "forbidden",
  "key-rejected",
  "malformed",
  "model-changed",
  "model-not-found",
  "overloaded",
  "rate-limited",
  "server-fault",
  "signature-rejected",
  "token-altered",
  "token-expired",
  "token-mismatch",
  "token-spent",
  "too-much-work",
  "unauthenticated",
  "unsupported",
  "upload-incomplete",
  "version-conflict",
  "version-not-found",
]);

/** The message tells nothing of the token, which an error of `fetch` would. */
function checkToken(token: string | undefined): void {
  if (token !== undefined && !/^[\w.~+/-]{1,400}=*$/.test(token)) {
    throw new TypeError(
      "Cannot connect: expected a token of letters, digits and -._~+/",
    );
  }
}

/** Text of the server made safe to print: no control characters, bounded. */
function plain(text: string, maxCharacters: number): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ")
    .slice(0, maxCharacters);
}

/**
 * `Retry-After`: seconds or, as proxies may send, a date (RFC 9110, section 10.2.3),
 * read by the server's own clock where the answer tells it; 0 for neither.
 */
function retryAfterMs(headers: Headers): number {
  const header = headers.get("retry-after") ?? "";
  const isDate = /^[A-Z][a-z]{2}, .* GMT$/.test(header);
  const delayMs = isDate
    ? Date.parse(header) - Date.parse(headers.get("date") ?? `${new Date()}`)
    : 1000 * Number(header);
  return delayMs > 0 && Number.isFinite(delayMs) ? delayMs : 0;
}

function evaluateMs(header: string | null): number | null {
  const match = /(?:^|,)\s*evaluate\s*;\s*dur=([0-9.]+)/.exec(header ?? "");
  const value = Number(match?.[1]);
  return match && Number.isFinite(value) ? value : null;
}
