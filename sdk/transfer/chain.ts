/**
 * Where batches come from: each from transfers of one before it, the first from base
 * transfers.
 *
 * Set-up makes three at once: choices do not depend on what the sender answers, so one
 * message holds those of all three. Each is as small as it may be, since base transfers
 * are dear: 1,104 of them become 47,104 transfers of the root, which yields a batch for
 * each inference and, before it is used up, the next root.
 *
 * @module
 */
import { type GateKernel, heapAt, saltAt } from "../garbling/gate_kernel.ts";
import { setVectors } from "../garbling/garble.ts";
import { domains } from "../garbling/hash.ts";
import { Labels } from "../garbling/labels.ts";
import { CipherlayerError } from "../support/errors.ts";
import { choiceBytes, pointBytes } from "./base.ts";
import { messageWords } from "./batch.ts";
import { type BlockCode, makeCode } from "./code.ts";
import { basesOf, outputsOf, trees } from "./code_shape.ts";

/** Leaves of the batches of the set-up; the last is the root. */
export const setupLeaves = [8, 16, 256] as const;
export const rootLeaves = 256;

/** A batch's salt as it travels. */
export const saltBytes = 16;

/** Bytes of a sender's answer for one batch: its salt and its message. */
export const batchAnswerBytes = (leaves: number): number =>
  saltBytes + 4 * messageWords(leaves);

const firstBases = basesOf(setupLeaves[0]);
/** Bytes of the choices that a batch of this size starts from. */
export const batchChoiceBytes = (leaves: number): number =>
  Math.ceil(basesOf(leaves) / 8);

/** Bytes of a set-up's request: points, then choices of the later batches. */
export const setupRequestBytes = choiceBytes * firstBases +
  setupLeaves.slice(1).reduce((sum, l) => sum + batchChoiceBytes(l), 0);
/** Bytes of its answer: a point, then what is answered for each batch. */
export const setupAnswerBytes = pointBytes +
  setupLeaves.reduce((sum, leaves) => sum + batchAnswerBytes(leaves), 0);

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

/** Sizes whose codes are kept: set-up's, the root's and a model's. */
const codesKept = 4;

/** Codes by the leaves of a batch; those used last are kept. */
export class Codes {
  readonly #kernel: GateKernel;
  readonly #known = new Map<number, BlockCode>();

  constructor(kernel: GateKernel) {
    this.#kernel = kernel;
  }

  get(leaves: number): BlockCode {
    const code = this.#known.get(leaves) ??
      makeCode(this.#kernel, trees * leaves);
    this.#known.delete(leaves);
    this.#known.set(leaves, code);
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
  leaves: number,
): void {
  if (
    Number.isSafeInteger(from) && from >= 0 && from + count <= outputsOf(leaves)
  ) {
    return;
  }
  throw new CipherlayerError(
    "malformed",
    `Cannot use transfers: expected ${count} within a batch of ${
      outputsOf(leaves)
    }, got the first at ${from}`,
  );
}
