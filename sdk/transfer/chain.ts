/**
 * Where batches come from: each from transfers of one before it, the first from base
 * transfers.
 *
 * Set-up makes three at once: choices do not depend on what the sender answers, so one
 * message holds those of all three. Each is as small as it may be, since base transfers
 * are dear: 672 of them become 14,336 transfers of the root, which yields a batch for
 * each inference and, before it is used up, the next root.
 *
 * @module
 */
import { type GateKernel, heapAt, saltAt } from "../garbling/gate_kernel.ts";
import { setVectors } from "../garbling/garble.ts";
import { domains } from "../garbling/hash.ts";
import { Labels } from "../garbling/labels.ts";
import { CipherlayerError } from "../support/errors.ts";
import { choiceBytes } from "./base.ts";
import { messageWords } from "./batch.ts";
import { type BatchShape, shapeOf } from "./batch_shape.ts";
import { type BlockCode, makeCode } from "./code.ts";
import { pointBytes } from "./curve/curve.ts";

/** Transfers of the batches of the set-up; the last is the first root. */
export const setupSizes = [784, 1120, 14_336] as const;
/** Transfers of the roots after it. */
export const rootSize = 49_152;

/** A batch's salt as it travels. */
export const saltBytes = 16;

/** Bytes of a sender's answer for a batch of so many transfers: its salt and its message. */
export const batchAnswerBytes = (size: number): number =>
  saltBytes + 4 * messageWords(shapeOf(size));

/** Bytes of the choices that a batch of so many transfers starts from. */
export const batchChoiceBytes = (size: number): number =>
  Math.ceil(shapeOf(size).bases / 8);

/** Base transfers of a set-up. */
export const setupBases: number = shapeOf(setupSizes[0]).bases;
/** Bytes of a set-up's request: points, then choices of the later batches. */
export const setupRequestBytes: number = choiceBytes * setupBases +
  setupSizes.slice(1).reduce((sum, size) => sum + batchChoiceBytes(size), 0);
/** Bytes of its answer: a point, then what is answered for each batch. */
export const setupAnswerBytes: number = pointBytes +
  setupSizes.reduce((sum, size) => sum + batchAnswerBytes(size), 0);

/** @throws {CipherlayerError} `malformed` */
export function checkLength(
  what: string,
  bytes: Uint8Array,
  expected: number,
): void {
  if (bytes.length === expected) return;
  throw new CipherlayerError(
    "malformed",
    `Cannot continue oblivious transfer: expected ${expected} bytes of ${what}, got ${bytes.length}`,
  );
}

/**
 * Keys that labels of transfers stand for, four words each.
 *
 * @param labels one wire
 * @param salt of the batch that the keys are for
 */
export function padsOf(
  kernel: GateKernel,
  labels: Labels,
  salt: Uint32Array,
): Uint32Array[] {
  const { words, groups, lanes } = labels;
  const out = heapAt + 4 * words.length;
  kernel.reserve(heapAt + 8 * words.length);
  setVectors(kernel.words, saltAt, salt);
  kernel.words.set(words, heapAt / 4);
  kernel.hash(heapAt, out, groups, 0, 0, domains.pad);
  const pads = new Labels(
    1,
    lanes,
    kernel.words.slice(out / 4, out / 4 + words.length),
  );
  return Array.from({ length: lanes }, (_, lane) => pads.get(0, lane));
}

/** Labels of transfers [from, from + count), one wire. */
export function labelsOf(
  rows: Uint32Array,
  from: number,
  count: number,
): Labels {
  const labels = new Labels(1, count);
  for (let i = 0; i < count; i++) labels.set(0, i, rows, 4 * (from + i));
  return labels;
}

/** Sizes whose codes are kept: set-up's, the root's and three models'. */
const codesKept = 6;

/** Codes by the transfers of a batch; those used last are kept. */
export class Codes {
  readonly #kernel: GateKernel;
  readonly #known = new Map<number, BlockCode>();

  constructor(kernel: GateKernel) {
    this.#kernel = kernel;
  }

  get(shape: BatchShape): BlockCode {
    const { transfers } = shape;
    const code = this.#known.get(transfers) ?? makeCode(this.#kernel, shape);
    this.#known.delete(transfers);
    this.#known.set(transfers, code);
    for (const other of this.#known.keys()) {
      if (this.#known.size <= codesKept) break;
      this.#known.delete(other);
    }
    return code;
  }
}

/** @throws {CipherlayerError} `malformed` unless all lie within the batch */
export function checkTransfers(
  from: number,
  count: number,
  size: number,
): void {
  const { transfers } = shapeOf(size);
  if (Number.isSafeInteger(from) && from >= 0 && from + count <= transfers) {
    return;
  }
  throw new CipherlayerError(
    "malformed",
    `Cannot use transfers: expected ${count} within a batch of ${transfers}, got the first at ${from}`,
  );
}
