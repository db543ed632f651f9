/**
 * What went wrong with a call, in words that name the cause. Final is only what the
 * functions themselves said; all else may be gone at the next try.
 *
 * @module
 */
import { CipherlayerError, type ErrorCode } from "../support/errors.ts";
import { printable } from "../support/printable.ts";

const problemType = "application/problem+json";

/**
 * The fault that a status other than 2xx tells: that of a problem document with a
 * code (RFC 9457), which the functions alone send; else a fault of the network.
 *
 * @param body of the reply; null if it broke on the way
 */
export function readFault(
  { status, headers }: Response,
  body: Uint8Array | null,
  { target, token }: { target: URL; token?: string },
): CipherlayerError {
  const type = headers.get("content-type") ?? "";
  const told = type.startsWith(problemType) ? problemIn(body) : null;
  const timing = { retryAfterMs: retryAfterMs(headers), status };
  if (!told) {
    const why = type.startsWith(problemType)
      ? "and the details broke on the way"
      : `${strange(type)} in place of the functions' own words`;
    return new CipherlayerError(
      "network",
      `Cannot use ${target}: got status ${status}, ${why}`,
      { retryable: true, ...timing },
    );
  }
  const detail = typeof told.detail !== "string"
    ? "no details"
    : token !== undefined && echoes(told.detail, token)
    ? "details left out, which repeat the token"
    : plain(told.detail, 400);
  return new CipherlayerError(
    serverCodes.has(told.code) ? told.code as ErrorCode : "server-fault",
    `Cannot use ${target}: status ${status}, ${detail}`,
    { retryable: told.retryable === true, ...timing },
  );
}

/** The fault of a reply that is no answer: a page of something in between. */
export function strangeReply(
  { headers }: Response,
  expected: string,
  target: URL,
): CipherlayerError {
  const type = headers.get("content-type") ?? "";
  return new CipherlayerError(
    "network",
    `Cannot use ${target}: expected ${expected}, got ${
      strange(type)
    }; is this the functions' address, and is a log-in page in between?`,
    { retryable: true },
  );
}

/** In browsers a redirect that is not followed shows neither status nor target. */
export function isRedirect({ status, type }: Response): boolean {
  return type === "opaqueredirect" || (status >= 300 && status < 400);
}

/** The fault of a reply that sends the call elsewhere. */
export function redirectFault(
  response: Response,
  target: URL,
): CipherlayerError {
  const location = response.headers.get("location");
  const to = location !== null && URL.canParse(location, target)
    ? new URL(location, target).origin
    : "an address that it does not tell";
  return new CipherlayerError(
    "network",
    `Cannot use ${target}: status ${response.status} sends the call to ${to}, and redirects are not followed; is that the functions' address, or a log-in page?`,
    { status: response.status, retryable: true },
  );
}

/** The fault of a call without a whole reply; `cause` is what `fetch` threw. */
export function networkFault(target: URL, cause: unknown): CipherlayerError {
  const reason = reasonOf(cause);
  const hint = hints.find(([pattern]) => pattern.test(reason))?.[1] ?? "";
  return new CipherlayerError(
    "network",
    `Cannot reach ${target}: ${reason}${hint}`,
    { cause, retryable: true },
  );
}

/** What each runtime's words mean for who reads them. */
const hints: [RegExp, string][] = [
  [
    /certificate|CERT_/i,
    "; does this machine trust the certificate (NODE_EXTRA_CA_CERTS, DENO_CERT)?",
  ],
  [/ENOTFOUND|EAI_AGAIN|dns error/, "; is the host's name right?"],
  [/refused/i, "; does anything listen there?"],
  [
    /wrong version number|corrupt message/i,
    "; does this port speak http, not https?",
  ],
  [
    /HTTP\/|invalid HTTP|other side closed/,
    "; does this port speak https, not http, or something else?",
  ],
];

/**
 * The innermost reasons of an error: runtimes keep them behind "fetch failed", in
 * `cause` or, where several addresses were tried, in `errors`.
 */
export function reasonOf(error: unknown): string {
  for (let depth = 0; depth < 8; depth++) {
    if (!(error instanceof Error)) break;
    const inner: unknown = error.cause ??
      (error as { errors?: unknown[] }).errors?.[0];
    if (inner === undefined || inner === null) break;
    error = inner;
  }
  const { message, code } = (error ?? {}) as {
    message?: unknown;
    code?: unknown;
  };
  const text = plain(`${message || code || error}`, 300)
    .replace(/^error sending request .*?: client error \(\w+\): /, "");
  const named = typeof code === "string" && !text.includes(code);
  return named ? `${text} (${code})` : text;
}

function strange(type: string): string {
  return type === "" ? "bytes without a type" : plain(type, 80);
}

function problemIn(
  body: Uint8Array | null,
): { code: unknown; detail?: unknown; retryable?: unknown } | null {
  if (body === null) return null;
  try {
    const parsed = JSON.parse(new TextDecoder().decode(body));
    return typeof parsed?.code === "string" ? parsed : null;
  } catch {
    return null;
  }
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
