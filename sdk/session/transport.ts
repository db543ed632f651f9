/**
 * HTTP calls to the functions: bounded, checked, and never redirected.
 *
 * @module
 */
import { readLimited } from "../support/bytes.ts";
import { startTimer } from "../support/clock.ts";
import { CipherlayerError } from "../support/errors.ts";
import {
  isRedirect,
  networkFault,
  readFault,
  redirectFault,
  strangeReply,
} from "./reply_faults.ts";
import { sequenceType } from "../wire/byte_sequence.ts";
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
  /** @default the platform's */
  fetch?: typeof fetch;
  /**
   * A call without a complete answer after this time counts as a network fault; one
   * that is taken as it comes, without its first or next 2^20 bytes.
   */
  timeoutMs: number;
}

/** Takes a long reply as its bytes come. */
export interface ReplySink {
  /**
   * The next bytes, once those before are taken; what it throws is taken for a fault of
   * the line, unless it is a `CipherlayerError`.
   */
  push(bytes: Uint8Array): Promise<void>;
  /** Once all have come; it throws as `push` does. */
  finish(): Promise<void>;
}

/** How a call is made. */
export interface CallOptions {
  maxBytes: number;
  signal?: AbortSignal;
  /**
   * Begins to take the reply, a byte sequence, anew for each try; the `Reply` has an
   * empty body then. By default the reply is one CBOR item, read as a whole.
   */
  into?: () => ReplySink;
}

/** Posts one CBOR body and returns the answer. */
export type Transport = (
  path: string,
  body: Uint8Array,
  options: CallOptions,
) => Promise<Reply>;

const maxProblemBytes = 1 << 16;
/** Of a long reply: so much more, and it has as much time again. */
const patientBytes = 1 << 20;

/** One HTTP call and what its reply may be. */
interface Call {
  path: string;
  /** A CBOR body to post; without one the call is a GET. */
  body?: Uint8Array;
  /** Media type of the reply. */
  type: string;
  maxBytes: number;
  signal?: AbortSignal;
  into?: () => ReplySink;
}

/**
 * Posts CBOR: one HTTP call per call, no retries, bounded memory, and every fault
 * as a `CipherlayerError` (or the reason of `signal` when that aborts).
 *
 * @throws {TypeError} if the URL is no address of functions or holds a user or
 * password, or the token cannot stand in a header
 */
export function createTransport(options: TransportOptions): Transport {
  const call = createCaller(options);
  return (path, body, options) => {
    const type = options.into ? sequenceType : "application/cbor";
    return call({ path, body, type, ...options });
  };
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
  const base = baseOf(options.url);
  const send = options.fetch ?? globalThis.fetch;
  const { token, timeoutMs } = options;
  checkToken(token);
  if (!(timeoutMs > 0)) {
    throw new TypeError(
      `Cannot connect: expected timeoutMs above 0, got ${timeoutMs}`,
    );
  }

  return async ({ path, body, type, maxBytes, signal, into }) => {
    signal?.throwIfAborted();
    const target = new URL(path, base);
    const timeout = new AbortController();
    const startTimeout = () => startTimer(() => timeout.abort(), timeoutMs);
    let stopTimer = startTimeout();
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
        throw redirectFault(response, target);
      }
      if (!response.ok) throw await problem(response, target, token);
      if (mediaType(response) !== type) {
        await response.body?.cancel();
        throw strangeReply(response, type, target);
      }
      if (into) {
        await passBody(response, into(), {
          maxBytes,
          target,
          onProgress() {
            stopTimer();
            stopTimer = startTimeout();
          },
        });
        return { body: new Uint8Array(), evaluateMs: null };
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
      throw networkFault(
        target,
        timeout.signal.aborted
          ? new Error(`no answer within ${timeoutMs} ms`)
          : cause,
      );
    } finally {
      stopTimer();
    }
  };
}

/**
 * Passes a body on as it comes; however that ends, the body is closed.
 *
 * @param onProgress told of each further 2^20 bytes
 */
async function passBody(
  { body }: Response,
  sink: ReplySink,
  { maxBytes, target, onProgress }: {
    maxBytes: number;
    target: URL;
    onProgress: () => void;
  },
): Promise<void> {
  const reader = body?.getReader();
  let bytes = 0, seen = 0;
  try {
    for (;;) {
      const { done, value } = await reader?.read() ?? { done: true };
      if (done) break;
      bytes += value!.length;
      if (bytes > maxBytes) throw tooLarge(target, maxBytes);
      if (bytes - seen >= patientBytes) {
        seen = bytes;
        onProgress();
      }
      await sink.push(value!);
    }
    await sink.finish();
  } catch (error) {
    await reader?.cancel().catch(() => {});
    throw error;
  }
}

/** Reads a body of at most `maxBytes`, whatever its header promises. */
async function readBody(
  response: Response,
  maxBytes: number,
  target: URL,
): Promise<Uint8Array> {
  const statedBytes = Number(response.headers.get("content-length") ?? 0);
  const body = await readLimited(response.body, { maxBytes, statedBytes });
  if (body === null) throw tooLarge(target, maxBytes);
  return body;
}

const tooLarge = (target: URL, maxBytes: number): CipherlayerError =>
  new CipherlayerError(
    "body-too-large",
    `Cannot read answer of ${target}: expected at most ${maxBytes} bytes`,
  );

/** The fault that a status other than 2xx tells. */
export async function problem(
  response: Response,
  target: URL,
  token: string | undefined,
): Promise<CipherlayerError> {
  const body = await readBody(response, maxProblemBytes, target)
    .catch(() => null);
  return readFault(response, body, { target, token });
}

/** Calls go to paths below it. */
function baseOf(url: string | URL): URL {
  const base = URL.canParse(`${url}`) ? new URL(url) : null;
  if (!base || !/^https?:$/.test(base.protocol)) {
    // What may hold a password is not repeated.
    const got = `${url}`.includes("@") ? "another" : JSON.stringify(url);
    throw new TypeError(
      `Cannot connect: expected url to be an address such as http://127.0.0.1:8000, got ${got}`,
    );
  }
  if (base.username !== "" || base.password !== "") {
    throw new TypeError(
      `Cannot connect to ${base.origin}: expected a URL without user and password`,
    );
  }
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  return base;
}

/** The message tells nothing of the token, which an error of `fetch` would. */
function checkToken(token: string | undefined): void {
  if (token === undefined) return;
  if (typeof token !== "string" || !/^[\w.~+/-]{1,400}=*$/.test(token)) {
    throw new TypeError(
      "Cannot connect: expected a token of letters, digits and -._~+/",
    );
  }
}

/** Without its parameters. */
const mediaType = ({ headers }: Response): string | undefined =>
  headers.get("content-type")?.split(";")[0].trim().toLowerCase();

function evaluateMs(header: string | null): number | null {
  const match = /(?:^|,)\s*evaluate\s*;\s*dur=([0-9.]+)/.exec(header ?? "");
  const value = Number(match?.[1]);
  return match && Number.isFinite(value) ? value : null;
}
