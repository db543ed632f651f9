/**
 * What the functions know in a garbled call: the masks, cut to the bits that its
 * circuits ask for.
 *
 * @module
 */
import type { Knowledge } from "../../../sdk/garbling/garble.ts";
import { projectionWords } from "../../../sdk/garbling/circuit.ts";
import { bitAt } from "../../../sdk/garbling/rounds/bits.ts";
import type { AnswerBits, Part } from "../../../sdk/garbling/rounds/stage.ts";

/** Masks of a call, as words. */
export interface CallMasks {
  /** Of each answer. */
  answers: readonly Uint32Array[];
  /** Of each element that is handed on, the parts of its mask. */
  shares: readonly Uint32Array[];
}

/** Of lanes [first, first + lanes) of a part. */
export function knowledgeOf(
  { known, circuit }: Part,
  { masks, first, lanes }: {
    masks: CallMasks;
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
    case "shares":
      return {
        bits: [],
        values: circuit.projections.map((_, part) =>
          partOfMasks(masks.shares, part, known.element, { first, lanes })
        ),
      };
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

/** Part number `part` of the masks of the elements of lanes. */
function partOfMasks(
  masks: readonly Uint32Array[],
  part: number,
  element: Int32Array,
  { first, lanes }: { first: number; lanes: number },
): Uint32Array {
  const words = new Uint32Array(projectionWords * lanes);
  for (let i = 0; i < lanes; i++) {
    const from = projectionWords * part;
    const mask = masks[element[first + i]];
    words.set(mask.subarray(from, from + projectionWords), projectionWords * i);
  }
  return words;
}
