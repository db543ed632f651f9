/**
 * From masked answers to values: which bits of the answers are chosen, and the circuits
 * that take the mask off.
 *
 * @module
 */
import { elementCount } from "../../fixed_point/integer_tensor.ts";
import {
  answerCiphertexts,
  blockSlots,
  outputValues,
  spillSlots,
  valuesInAnswer,
} from "../../fixed_point/layout.ts";
import { CipherlayerError } from "../../support/errors.ts";
import type { RoundLayout } from "../../wire/plan.ts";
import { Circuit } from "../circuit.ts";
import { unmask } from "../circuits/shares.ts";
import { prune } from "../prune.ts";
import type { Elements } from "./steps.ts";
import type { Part, Stage } from "./stage.ts";

/**
 * Bits below a value that tell the borrow from there, if its neighbour's slot is two bits
 * wider than what it holds.
 */
const borrowBits = 2;

/** The bits of answers that are chosen, in the order of the transfers. */
export interface ChosenBits {
  answer: Int32Array;
  bit: Int32Array;
}

/** A run of slots that one lane unmasks. */
interface Run {
  answer: number;
  /** First bit, the borrow's included. */
  from: number;
  /** For each slot the element that it holds; -1: none that counts. */
  elements: number[];
}

/**
 * The stage from choices to accumulators of `valueBits` bits.
 *
 * @throws {CipherlayerError} `unsupported` where slots cannot hold such values
 */
export function unmaskStage(
  layout: RoundLayout,
  valueBits: number,
): { stage: Stage; chosen: ChosenBits; elements: Elements } {
  const { slotBits, samples } = layout;
  if (!(valueBits >= 2 && valueBits <= slotBits)) {
    throw new CipherlayerError(
      "unsupported",
      `Cannot seal a round: expected values of 2 to ${slotBits} bits, got ${valueBits}`,
    );
  }
  const below = spillSlots(layout) > 0 ? borrowBits : 0;
  const runs = below > 0 ? blockRuns(layout) : answerRuns(layout);
  const answer: number[] = [], bit: number[] = [], parts: Part[] = [];
  for (const same of groupBySlots(runs)) {
    const slots = same[0].elements.length;
    const wires = below + (slots - 1) * slotBits +
      (below > 0 ? valueBits : slotBits);
    const first = answer.length;
    for (const run of same) {
      for (let wire = 0; wire < wires; wire++) {
        answer.push(run.answer);
        bit.push(run.from + wire);
      }
    }
    const circuit = new Circuit();
    const bits = unmask(circuit, circuit.word(wires), below);
    const results: Int32Array[] = [];
    for (let slot = 0; slot < slots; slot++) {
      const elements = Int32Array.from(same, (run) => run.elements[slot]);
      if (elements.every((element) => element < 0)) continue;
      results.push(elements);
      const word = bits.slice(slot * slotBits, slot * slotBits + valueBits);
      // A whole slot carries its value plus 2^(slotBits - 1), which is its sign flipped.
      if (valueBits === slotBits) word.push(circuit.not(word.pop()!));
      circuit.output(...word);
    }
    parts.push({
      circuit: prune(circuit),
      lanes: same.length,
      operands: Array.from(
        { length: wires },
        (_, wire) =>
          Int32Array.from(same, (_, lane) => first + lane * wires + wire),
      ),
      results,
      known: {
        kind: "answer",
        answer: Int32Array.from(same, (run) => run.answer),
        from: Int32Array.from(same, (run) => run.from),
      },
    });
  }
  const shape = layout.kind === "dense"
    ? [layout.outputLength]
    : [...layout.output];
  const high = 2 ** (valueBits - 1) - 1;
  return {
    stage: {
      operandBits: 1,
      parts,
      elements: { count: samples * elementCount(shape), bits: valueBits },
    },
    chosen: { answer: Int32Array.from(answer), bit: Int32Array.from(bit) },
    elements: { shape, samples, low: -high, high },
  };
}

function groupBySlots(runs: readonly Run[]): Run[][] {
  const groups = new Map<number, Run[]>();
  for (const run of runs) {
    const group = groups.get(run.elements.length);
    if (group) group.push(run);
    else groups.set(run.elements.length, [run]);
  }
  return [...groups.values()];
}

/** An answer each: the chain of borrows runs through all used slots. */
function answerRuns(layout: RoundLayout): Run[] {
  return Array.from({ length: answerCiphertexts(layout) }, (_, answer) => {
    const first = answer * layout.valuesPerCiphertext;
    const values = Array.from(
      { length: valuesInAnswer(layout, answer) },
      (_, i) => elementsOf(layout, first + i),
    );
    return { answer, from: 0, elements: values.flat() };
  });
}

/** A value's useful slots each; what lies below only lends a bit. */
function blockRuns(layout: RoundLayout): Run[] {
  return Array.from({ length: outputValues(layout) }, (_, value) => {
    const place = value % layout.valuesPerCiphertext;
    const slot = place * blockSlots(layout) + spillSlots(layout);
    return {
      answer: Math.floor(value / layout.valuesPerCiphertext),
      from: slot * layout.slotBits - borrowBits,
      elements: elementsOf(layout, value),
    };
  });
}

/** Elements that a value's useful slots hold, samples one after another in the tensor. */
function elementsOf(layout: RoundLayout, value: number): number[] {
  const { samples } = layout;
  if (layout.kind === "dense") {
    return Array.from(
      { length: samples },
      (_, sample) => sample * layout.outputLength + value,
    );
  }
  const { tile, grid, output: [, height, width] } = layout;
  const count = elementCount(layout.output), phases = tile[0] * tile[1];
  const channel = Math.floor(value / phases), phase = value % phases;
  return Array.from({ length: blockSlots(layout) }, (_, slot) => {
    const cell = Math.floor(slot / samples), sample = slot % samples;
    const y = tile[0] * Math.floor(cell / grid[1]) +
      Math.floor(phase / tile[1]);
    const x = tile[1] * (cell % grid[1]) + phase % tile[1];
    if (y >= height || x >= width) return -1;
    return sample * count + (channel * height + y) * width + x;
  });
}
