/**
 * Which refusals a new session may mend.
 *
 * @module
 */
import { CipherlayerError } from "../support/errors.ts";

/** Told by the functions of tokens that others made, or that were altered. */
const foreignCodes: ReadonlySet<string> = new Set([
  "token-altered",
  "token-mismatch",
]);

/** After one of these the inference starts again with a new session, once. */
const renewingCodes: ReadonlySet<string> = new Set([
  ...foreignCodes,
  "model-changed",
  "token-expired",
]);

const toldBy = (error: unknown, codes: ReadonlySet<string>): boolean =>
  error instanceof CipherlayerError && error.status !== null &&
  codes.has(error.code);

/** Whether the functions refused a token, which a new session replaces. */
export const isOfToken = (error: unknown): boolean =>
  toldBy(error, renewingCodes);

/** Whether it was no token of theirs: oblivious transfers are then none either. */
export const isOfForeignToken = (error: unknown): boolean =>
  toldBy(error, foreignCodes);
