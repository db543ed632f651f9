/**
 * The receiver's side. Its state lives in one process and is never stored: transfers
 * that are used twice show how two choices differ, and a batch made again from the same
 * transfers shows its places.
 *
 * @module
 */
import type { GateKernel } from "../garbling/gate_kernel.ts";
import type { Labels } from "../garbling/labels.ts";
import { concat } from "../support/bytes.ts";
import { platformRandom, type RandomSource } from "../support/random.ts";
import { receiverKeys, receiverPoints } from "./base.ts";
import { choiceBits, drawPlaces, receiverRows, sidesOf } from "./batch.ts";
import { type BatchShape, shapeOf } from "./batch_shape.ts";
import {
  batchAnswerBytes,
  checkLength,
  checkTransfers,
  Codes,
  labelsOf,
  padsOf,
  saltBytes,
  setupAnswerBytes,
  setupSizes,
} from "./chain.ts";
import { pointBytes } from "./curve/curve.ts";
import { makeCurve } from "./curve/make_curve.ts";
import { cut, packBits, wordsOfBytes } from "./bytes.ts";

/** A request that waits for the sender's answer. */
export interface Pending<T> {
  request: T;
  /** @throws {CipherlayerError} `malformed` if the answer has another size; nothing else */
  finish(answer: Uint8Array): TransferBatch;
}

/** Choices as they travel: the number of the first transfer, and a bit for each. */
export interface SentChoices {
  from: number;
  choices: Uint8Array;
}

/** What a receiver works with. */
interface Tools {
  kernel: GateKernel;
  codes: Codes;
  random: RandomSource;
}

/**
 * Begins anew: places of all three batches and a seed for the base transfers.
 *
 * @param random @default the platform's
 */
export function startTransfers(
  kernel: GateKernel,
  random: RandomSource = platformRandom,
): Pending<Uint8Array> {
  const tools = { kernel, codes: new Codes(kernel), random };
  const curve = makeCurve(), seed = random(32).slice();
  const shapes = setupSizes.map(shapeOf);
  const places = shapes.map((shape) => drawPlaces(shape, random));
  const sides = shapes.map((shape, i) => sidesOf(places[i], shape));
  const pieces = [receiverPoints(curve, seed, sides[0])];
  for (let i = 1; i < shapes.length; i++) {
    const shape = shapes[i - 1];
    const random = choiceBits(tools.codes.get(shape), places[i - 1], shape);
    pieces.push(packBits(sides[i].map((side, k) => side ^ random[k])));
  }
  return {
    request: concat(...pieces),
    finish(answer) {
      checkLength("answer", answer, setupAnswerBytes);
      const [point, ...answers] = cut(answer, [
        pointBytes,
        ...setupSizes.map(batchAnswerBytes),
      ]);
      let keys = receiverKeys(curve, seed, sides[0], point)
        .map(wordsOfBytes);
      let rows: Uint32Array = new Uint32Array();
      shapes.forEach((shape, i) => {
        const answer = answers[i];
        if (i > 0) keys = keysOf(tools, labelsOf(rows, 0, shape.bases), answer);
        rows = openAnswer(tools, places[i], { shape, keys, answer });
      });
      return new TransferBatch(tools, setupSizes[setupSizes.length - 1], rows);
    },
  };
}

/** A batch's transfers, each to be used once. */
export class TransferBatch {
  readonly #tools: Tools;
  readonly #rows: Uint32Array;
  /** Transfers that it was asked for; it may have some more. */
  readonly size: number;
  #next = 0;

  constructor(tools: Tools, size: number, rows: Uint32Array) {
    this.#tools = tools;
    this.#rows = rows;
    this.size = size;
  }

  /** Transfers that are left. */
  get left(): number {
    return shapeOf(this.size).transfers - this.#next;
  }

  /**
   * Takes the next transfers for these bits: whatever comes of the message, they are
   * used up.
   *
   * @returns the message, and the active labels, one wire
   * @throws {CipherlayerError} `malformed` if fewer are left
   */
  choose(bits: Uint8Array): SentChoices & { labels: Labels } {
    const from = this.#next;
    checkTransfers(from, bits.length, this.size);
    this.#next += bits.length;
    const choices = bits.map((bit, i) => bit ^ this.#rows[4 * (from + i)] & 1);
    return {
      from,
      choices: packBits(choices),
      labels: labelsOf(this.#rows, from, bits.length),
    };
  }

  /**
   * Asks for a new batch in exchange for transfers of this one; its places are drawn now.
   *
   * @param size transfers of the new one, at least
   */
  extend(size: number): Pending<SentChoices> {
    const tools = this.#tools, shape = shapeOf(size);
    const places = drawPlaces(shape, tools.random);
    const { labels, ...request } = this.choose(sidesOf(places, shape));
    return {
      request,
      finish(answer) {
        checkLength("answer", answer, batchAnswerBytes(size));
        const keys = keysOf(tools, labels, answer);
        const rows = openAnswer(tools, places, { shape, keys, answer });
        return new TransferBatch(tools, size, rows);
      },
    };
  }
}

const saltOf = (answer: Uint8Array): Uint32Array =>
  wordsOfBytes(answer.subarray(0, saltBytes));

const keysOf = (
  { kernel }: Tools,
  labels: Labels,
  answer: Uint8Array,
): Uint32Array[] => padsOf(kernel, labels, saltOf(answer));

function openAnswer(
  { kernel, codes }: Tools,
  places: Uint32Array,
  { shape, keys, answer }: {
    shape: BatchShape;
    keys: readonly Uint32Array[];
    answer: Uint8Array;
  },
): Uint32Array {
  return receiverRows(kernel, codes.get(shape), places, {
    shape,
    keys,
    salt: saltOf(answer),
    message: wordsOfBytes(answer.subarray(saltBytes)),
  });
}
