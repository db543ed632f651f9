/**
 * What the functions know in a garbled call: the masks, cut to the bits that its
 * circuits ask for.
 *
 * @module
 */
import type { Knowledge } from "../../../sdk/garbling/garble.ts";
import { bitAt, pieceAt } from "../../../sdk/garbling/rounds/bits.ts";
import type { Reader } from "../../../sdk/garbling/rounds/plaintexts.ts";
import type {
  AnswerBits,
  Part,
  PlaintextPieces,
} from "../../../sdk/garbling/rounds/stage.ts";

/** Masks of a call, as words. */
export interface CallMasks {
  /** Of each answer. */
  answers: readonly Uint32Array[];
  /** Of each plaintext of each reader. */
  readers: readonly (readonly Uint32Array[])[];
}

/** Of lanes [first, first + lanes) of a part. */
export function knowledgeOf(
  { known, circuit }: Part,
  { masks, readers, first, lanes }: {
    masks: CallMasks;
    readers: readonly Reader[];
    first: number;
    lanes: number;
  },
): Knowledge {
  switch (known?.kind) {
    case "answer":
      return {
        bits: answerBits(known, masks.answers, circuit.knownBits, {
          first,
          lanes,
        }),
        values: [],
      };
    case "plaintext": {
      const start = readers[known.reader].plaintexts[0];
      const words = Array.from(
        { length: lanes },
        (_, i) =>
          masks.readers[known.reader][known.plaintext[first + i] - start],
      );
      return plaintextPieces(known, words);
    }
    default:
      return { bits: [], values: [] };
  }
}

const answerBits = (
  { answer, from }: AnswerBits,
  masks: readonly Uint32Array[],
  count: number,
  { first, lanes }: { first: number; lanes: number },
): Uint8Array[] =>
  Array.from(
    { length: count },
    (_, bit) =>
      Uint8Array.from({ length: lanes }, (_, i) =>
        bitAt(masks[answer[first + i]], from[first + i] + bit)),
  );

/** @param words the mask of each lane */
function plaintextPieces(
  { pieces }: PlaintextPieces,
  words: readonly Uint32Array[],
): Knowledge {
  const bits: Uint8Array[] = [], values: Uint32Array[] = [];
  for (const { at, low, upper } of pieces) {
    for (let i = 0; i < low; i++) {
      bits.push(Uint8Array.from(words, (mask) => bitAt(mask, at + i)));
    }
    if (upper === 0) continue;
    const numbers = Uint32Array.from(
      words,
      (mask) => pieceAt(mask, at + low, upper),
    );
    bits.push(Uint8Array.from(numbers, (n) => n === 2 ** upper - 1 ? 1 : 0));
    values.push(numbers);
  }
  return { bits, values };
}
