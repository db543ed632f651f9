import { readLimited } from "../support/bytes.ts";
import { CipherlayerError, type ErrorCode } from "../support/errors.ts";
import { printable } from "../wire/schema.ts";
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

/** One HTTP call and what its reply may be. */
interface Call {
  path: string;
  /** A CBOR body to post; without one the call is a GET. */
  body?: Uint8Array;
  /** Media type of the reply. */
  type: string;
  maxBytes: number;
  signal?: AbortSignal;
}

/**
 * Posts CBOR: one HTTP call per call, no retries, bounded memory, and every fault
 * as a `CipherlayerError` (or the reason of `signal` when that aborts).
 *
 * @throws {TypeError} if the token cannot stand in a header, or the URL holds a
 * user or password
 */
export function createTransport(options: TransportOptions): Transport {
  const call = createCaller(options);
  return (path, body, { maxBytes, signal }) =>
    call({ path, body, type: "application/cbor", maxBytes, signal });
}

/**
 * The bytes of one JSON reply to a GET, with faults as those of a `Transport`.
 *
 * @throws {TypeError} if the token cannot stand in a header
 */
export async function getJson(
  path: string,
  options: TransportOptions & { maxBytes: number; signal?: AbortSignal },
): Promise<Uint8Array> {
  const { maxBytes, signal } = options;
  const type = "application/json";
  const reply = await createCaller(options)({ path, type, maxBytes, signal });
  return reply.body;
}

function createCaller(
  options: TransportOptions,
): (call: Call) => Promise<Reply> {
  const base = new URL(options.url);
  if (base.username !== "" || base.password !== "") {
    throw new TypeError(
      `Cannot connect to ${base.origin}: expected a URL without user and password`,
    );
  }
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  const send = options.fetch ?? globalThis.fetch;
  const { token } = options;
  checkToken(token);

  return async ({ path, body, type, maxBytes, signal }) => {
    signal?.throwIfAborted();
    const target = new URL(path, base);
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), options.timeoutMs);
    const stop = AbortSignal.any(
      signal ? [signal, timeout.signal] : [timeout.signal],
    );
    try {
      const response = await send(target, {
        method: body ? "POST" : "GET",
        headers: {
          ...body && {
            "content-type": "application/cbor",
            "content-digest": await contentDigest(body),
          },
          ...token === undefined ? {} : { authorization: `Bearer ${token}` },
        },
        body: body as Uint8Array<ArrayBuffer> | undefined,
        // The protocol has no redirects: one could aim the call into the gateway's
        // own network, or at http.
        redirect: "manual",
        signal: stop,
      });
      if (isRedirect(response)) {
        await response.body?.cancel();
        throw redirected(response, target);
      }
      if (!response.ok) throw await problem(response, target, token);
      const given = response.headers.get("content-type") ?? "no type";
      if (!given.startsWith(type)) {
        await response.body?.cancel();
        throw new CipherlayerError(
          "malformed",
          `Cannot read answer of ${target}: expected ${type}, got ${
            plain(given, 80)
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
  const statedBytes = Number(response.headers.get("content-length") ?? 0);
  const body = await readLimited(response.body, { maxBytes, statedBytes });
  if (body === null) {
    throw new CipherlayerError(
      "body-too-large",
      `Cannot read answer of ${target}: expected at most ${maxBytes} bytes`,
    );
  }
  return body;
}

/** In browsers a redirect that is not followed shows neither status nor target. */
function isRedirect({ status, type }: Response): boolean {
  return type === "opaqueredirect" || (status >= 300 && status < 400);
}

function redirected(response: Response, target: URL): CipherlayerError {
  const location = response.headers.get("location");
  const to = location !== null && URL.canParse(location, target)
    ? new URL(location, target).origin
    : "an address that it does not tell";
  return new CipherlayerError(
    "network",
    `Cannot use ${target}: status ${response.status} sends the call to ${to}, and redirects are not followed`,
    { status: response.status },
  );
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
  const detail = typeof told.detail !== "string"
    ? "no details"
    : token !== undefined && echoes(told.detail, token)
    ? "details left out, which repeat the token"
    : plain(told.detail, 400);
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

/** Text of the server made safe to print, and bounded. */
function plain(text: string, maxCharacters: number): string {
  return printable(text).slice(0, maxCharacters);
}

/** Whether a text holds a token as it is, escaped, in hexadecimal or in base64 at any offset. */
function echoes(text: string, token: string): boolean {
  const letters = (any: string) => any.replace(/[^0-9a-z]/gi, "").toLowerCase();
  const bytes = new TextEncoder().encode(token);
  const forms = [
    token,
    encodeURIComponent(token),
    Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""),
    // Without the first and last digits, which what stands beside it decides.
    ...[0, 1, 2].map((skip) =>
      btoa("x".repeat(skip) + token).slice(skip === 0 ? 0 : skip + 1)
        .replace(/=+$/, "").slice(0, -1)
    ),
  ];
  const heard = letters(text);
  const reversed = letters([...token].reverse().join(""));
  return [...forms.map(letters), reversed]
    .some((form) => form !== "" && heard.includes(form));
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
