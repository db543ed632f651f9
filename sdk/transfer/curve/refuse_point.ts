/**
 * How bytes are refused that encode no point.
 *
 * @module
 */
import { CipherlayerError } from "../../support/errors.ts";

/** @throws {CipherlayerError} `malformed` */
export function refusePoint(cause?: unknown): never {
  throw new CipherlayerError(
    "malformed",
    "Cannot start oblivious transfer: expected points of ristretto255, got other bytes",
    { cause },
  );
}
