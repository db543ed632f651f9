/**
 * What the tests of oblivious transfer share.
 *
 * @module
 */
import { makeKernel } from "../../sdk/garbling/kernel.ts";
import type { RandomSource } from "../../sdk/support/random.ts";
import { TransferSender } from "../../sdk/transfer/sender.ts";
import { seededWords } from "../garbling/run_circuit.ts";

/** Reproducible bytes, not secret. */
export function seededBytes(seed: number): RandomSource {
  const next = seededWords(seed);
  return (length) => Uint8Array.from({ length }, () => next() & 255);
}

export const kernel = makeKernel();
export const sender = new TransferSender(kernel);

/** What a computation that yields comes to. */
export function finish<T>(steps: Generator<void, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value as T;
  }
}
