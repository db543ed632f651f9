import { UnreadBody } from "../admission/body.ts";
import { CipherlayerError, type ErrorCode } from "../../sdk/support/errors.ts";

/** Faults that a call can meet; any other is the functions' own. */
const statuses: Partial<Record<ErrorCode, [status: number, title: string]>> = {
  "budget-exceeded": [429, "Budget spent"],
  "body-too-large": [413, "Body too large"],
  "checksum-mismatch": [422, "Checksum differs"],
  "ciphertext-out-of-range": [422, "Ciphertext out of range"],
  "count-mismatch": [422, "Wrong number of ciphertexts"],
  "forbidden": [403, "Not allowed"],
  "key-rejected": [422, "Public key rejected"],
  "malformed": [400, "Malformed request"],
  "model-changed": [409, "Model has changed"],
  "model-not-found": [404, "Model not found"],
  "overloaded": [503, "Overloaded"],
  "rate-limited": [429, "Too many requests"],
  "signature-rejected": [403, "Signature rejected"],
  "token-altered": [403, "Token altered"],
  "token-expired": [403, "Token expired"],
  "token-mismatch": [403, "Token does not fit"],
  "token-spent": [403, "Token spent"],
  "too-much-work": [422, "Too much work for one call"],
  "unauthenticated": [401, "Not authenticated"],
  "unsupported": [422, "Not supported"],
  "upload-incomplete": [409, "Upload is incomplete"],
  "version-conflict": [409, "In conflict with the model's versions"],
  "version-not-found": [404, "Version not found"],
};

/**
 * The answer for a fault (RFC 9457, with `code` and `retryable`). Faults that are
 * not declared tell nothing of themselves.
 */
export function problemResponse(
  error: unknown,
  otherStatus?: number,
): Response {
  const fault = error instanceof CipherlayerError
    ? error
    : new CipherlayerError("server-fault", "The functions failed");
  const [usual, title] = statuses[fault.code] ?? [500, "Server fault"];
  const status = otherStatus ?? fault.status ?? usual;
  const headers: Record<string, string> = {
    "content-type": "application/problem+json",
  };
  if (fault.retryAfterMs > 0) {
    headers["retry-after"] = `${Math.ceil(fault.retryAfterMs / 1000)}`;
  }
  if (error instanceof UnreadBody) headers.connection = "close";
  if (status === 401) headers["www-authenticate"] = "Bearer";
  return Response.json({
    type: "about:blank",
    title,
    status,
    detail: fault.message,
    code: fault.code,
    retryable: fault.retryable,
  }, { status, headers });
}
