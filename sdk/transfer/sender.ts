/**
 * The sender's side, stateless: everything of a batch follows from its seed.
 *
 * @module
 */
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { GateKernel } from "../garbling/gate_kernel.ts";
import type { Labels } from "../garbling/labels.ts";
import {
  answerPoints,
  choiceBytes,
  readPoints,
  type ReceivedPoints,
} from "./base.ts";
import { batchMessage, type KeyPair, senderRows } from "./batch.ts";
import {
  batchChoiceBytes,
  checkLength,
  checkTransfers,
  Codes,
  labelsOf,
  padsOf,
  setupBases,
  setupRequestBytes,
  setupSizes,
} from "./chain.ts";
import { type BatchShape, shapeOf } from "./batch_shape.ts";
import { makeCurve } from "./curve/make_curve.ts";
import { bitOf, bytesOfWords, cut, wordsOfBytes } from "./bytes.ts";
import { concat } from "../support/bytes.ts";

/** A batch as a token carries it. */
export interface BatchSeed {
  /** 32 secret bytes. */
  seed: Uint8Array;
  /** Transfers, at least. */
  size: number;
}

/** Choices in transfers of a batch: one bit each, xor the receiver's random choice. */
export interface Choices {
  /** Number of the first transfer. */
  from: number;
  count: number;
  /** Packed, lowest first. */
  bits: Uint8Array;
}

const derive = (seed: Uint8Array, purpose: string, bytes: number): Uint8Array =>
  hkdf(
    sha256,
    seed,
    undefined,
    new TextEncoder().encode(`cipherlayer transfer ${purpose}`),
    bytes,
  );

function secretsOf(seed: Uint8Array, { trees }: BatchShape) {
  const delta = wordsOfBytes(derive(seed, "delta", 16));
  delta[0] |= 1;
  return {
    delta,
    roots: wordsOfBytes(derive(seed, "roots", 16 * trees)),
    salt: saltOf(seed),
  };
}

const saltOf = (seed: Uint8Array): Uint32Array =>
  wordsOfBytes(derive(seed, "salt", 16));

/** A set-up's request, found well-formed. */
export interface SetupRequest {
  points: ReceivedPoints;
  choices: Uint8Array[];
}

/** Rows of one batch, with its Delta. */
interface Rows {
  delta: Uint32Array;
  rows: Uint32Array;
}

/** Rows of batches that are kept, in bytes: those of ten inferences of LeNet. */
const rowBytesKept = 1 << 25;

/** Answers requests of receivers. Keeps no state but what can be made again. */
export class TransferSender {
  readonly #kernel: GateKernel;
  readonly #codes: Codes;
  readonly #curve = makeCurve();
  readonly #rowBytesKept: number;
  /** By seed; the one used last comes last. */
  readonly #kept = new Map<string, Rows>();

  /** @param bytesKept for rows of batches that may be asked for again @default 32 MiB */
  constructor(kernel: GateKernel, bytesKept: number = rowBytesKept) {
    this.#kernel = kernel;
    this.#codes = new Codes(kernel);
    this.#rowBytesKept = bytesKept;
  }

  /** @throws {CipherlayerError} `malformed`: before any secret is derived */
  readSetup(request: Uint8Array): SetupRequest {
    checkLength("request", request, setupRequestBytes);
    const [message, ...choices] = cut(request, [
      choiceBytes * setupBases,
      ...setupSizes.slice(1).map(batchChoiceBytes),
    ]);
    return { points: readPoints(this.#curve, message), choices };
  }

  /**
   * Answers a set-up; yields often.
   *
   * @param seed a secret function of the whole request
   * @param request as {@linkcode readSetup} read it
   */
  *answerSetup(
    seed: Uint8Array,
    { points, choices }: SetupRequest,
  ): Generator<void, { answer: Uint8Array; root: BatchSeed }> {
    const base = yield* answerPoints(
      this.#curve,
      derive(seed, "base", 32),
      points,
    );
    let keys = base.keys.map((pair) =>
      pair.map(wordsOfBytes) as unknown as KeyPair
    );
    const pieces = [base.message];
    const batches = setupSizes.map((size, i): BatchSeed => ({
      seed: derive(seed, `batch ${i}`, 32),
      size,
    }));
    for (const [i, batch] of batches.entries()) {
      if (i > 0) {
        keys = this.#keysFrom(batches[i - 1], batch, 0, choices[i - 1]);
      }
      pieces.push(this.#message(batch, keys));
      yield;
    }
    const answer = concat(...pieces);
    return { answer, root: batches[batches.length - 1] };
  }

  /**
   * Makes a batch from transfers of `parent`.
   *
   * @param batch its seed: a secret function of the whole request
   * @param choices of the receiver, packed
   * @throws {CipherlayerError} `malformed`: before any secret is derived
   */
  answerBatch(
    parent: BatchSeed,
    batch: BatchSeed,
    from: number,
    choices: Uint8Array,
  ): Uint8Array {
    checkBatchRequest(parent.size, batch.size, from, choices);
    return this.#message(batch, this.#keysFrom(parent, batch, from, choices));
  }

  /**
   * Delta and the labels of 0 of chosen transfers, one wire.
   *
   * @throws {CipherlayerError} `malformed` if they do not lie within the batch
   */
  zeroLabels(
    batch: BatchSeed,
    choices: Choices,
  ): { delta: Uint32Array; labels: Labels } {
    const { from, count, bits } = choices;
    checkTransfers(from, count, batch.size);
    checkLength("choices", bits, Math.ceil(count / 8));
    const { delta, rows } = this.#rows(batch);
    return { delta, labels: zeroLabels({ delta, rows }, choices) };
  }

  /** Whether a batch's rows are at hand: to make them takes as long as to garble. */
  keeps(batch: BatchSeed): boolean {
    return this.#kept.has(keyOf(batch));
  }

  #rows(batch: BatchSeed): Rows {
    const key = keyOf(batch);
    const rows = this.#kept.get(key) ?? this.#makeRows(batch);
    this.#kept.delete(key);
    this.#kept.set(key, rows);
    let bytes = 0;
    for (const { rows } of this.#kept.values()) bytes += rows.byteLength;
    for (const [oldest, { rows }] of this.#kept) {
      if (bytes <= this.#rowBytesKept) break;
      this.#kept.delete(oldest);
      bytes -= rows.byteLength;
    }
    return rows;
  }

  #makeRows({ seed, size }: BatchSeed): Rows {
    const shape = shapeOf(size), code = this.#codes.get(shape);
    const { delta, roots, salt } = secretsOf(seed, shape);
    const rows = senderRows(this.#kernel, code, { roots }, { shape, salt });
    return { delta, rows };
  }

  #message({ seed, size }: BatchSeed, keys: readonly KeyPair[]): Uint8Array {
    const shape = shapeOf(size), { salt, ...secrets } = secretsOf(seed, shape);
    const words = batchMessage(this.#kernel, secrets, { shape, salt, keys });
    return bytesOfWords(Uint32Array.of(...salt, ...words));
  }

  #keysFrom(
    parent: BatchSeed,
    batch: BatchSeed,
    from: number,
    bits: Uint8Array,
  ): KeyPair[] {
    const { delta, rows } = this.#rows(parent);
    const count = shapeOf(batch.size).bases;
    const zero = zeroLabels({ delta, rows }, { from, count, bits });
    const one = zero.range(0, count);
    for (let i = 0; i < count; i++) {
      one.set(0, i, zero.get(0, i).map((word, w) => word ^ delta[w]));
    }
    const salt = saltOf(batch.seed);
    const zeros = padsOf(this.#kernel, zero, salt);
    const ones = padsOf(this.#kernel, one, salt);
    return zeros.map((pad, i) => [pad, ones[i]]);
  }
}

const keyOf = ({ size, seed }: BatchSeed): string => `${size} ${seed.join()}`;

function zeroLabels({ delta, rows }: Rows, choices: Choices): Labels {
  const { from, count, bits } = choices;
  const labels = labelsOf(rows, from, count), { words } = labels;
  for (let i = 0; i < count; i++) {
    const mask = -bitOf(bits, i), at = labels.at(0, i);
    for (let w = 0; w < 4; w++) words[at + 4 * w] ^= mask & delta[w];
  }
  return labels;
}

/** @throws {CipherlayerError} `malformed` */
export function checkBatchRequest(
  parentSize: number,
  size: number,
  from: number,
  choices: Uint8Array,
): void {
  checkTransfers(from, shapeOf(size).bases, parentSize);
  checkLength("choices", choices, batchChoiceBytes(size));
}
