/**
 * What the tests of oblivious transfer share.
 *
 * @module
 */
import { makeKernel } from "../../sdk/garbling/kernel.ts";
import type { RandomSource } from "../../sdk/support/random.ts";
import type { TransferBatch } from "../../sdk/transfer/receiver.ts";
import { startTransfers } from "../../sdk/transfer/receiver.ts";
import {
  type BatchSeed,
  readSetup,
  TransferSender,
} from "../../sdk/transfer/sender.ts";
import { seededWords } from "../garbling/run_circuit.ts";

/** Reproducible bytes, not secret. */
export function seededBytes(seed: number): RandomSource {
  const next = seededWords(seed);
  return (length) => Uint8Array.from({ length }, () => next() & 255);
}

export const kernel = makeKernel();
export const sender = new TransferSender(kernel);

/** A root on both sides. */
export function setUp(seed: number): { batch: TransferBatch; root: BatchSeed } {
  const pending = startTransfers(kernel, seededBytes(seed));
  const { answer, root } = sender.answerSetup(
    seededBytes(seed + 1000)(32),
    readSetup(pending.request),
  );
  return { batch: pending.finish(answer), root };
}
