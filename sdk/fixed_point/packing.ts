/**
 * Packs activations into plaintexts and reads answers from them, as the layout says.
 *
 * @module
 */
import type {
  DenseLayout,
  RoundLayout,
  SpatialInput,
  SpatialLayout,
} from "../wire/plan.ts";
import { elementCount, type IntegerTensor } from "./integer_tensor.ts";
import {
  answerCiphertexts,
  blockSlots,
  usedSlots,
  valuesInAnswer,
} from "./layout.ts";
import { SlotReader, SlotWriter } from "./slots.ts";

/**
 * Packs the activations that a round reads into the plaintexts of its input
 * ciphertexts, in their order (`RoundLayout` says which value lies where).
 *
 * @param layout the round's layout
 * @param activations by name; each holds `layout.samples` samples, of as many
 * elements as the layout says, in any shape (1-D signals and flattened maps are
 * the same numbers in row-major order)
 * @param modulus N; a negative plaintext m is given as m + N
 * @returns plaintexts in [0, N)
 * @throws {TypeError} if an activation is missing
 * @throws {RangeError} if an activation has another size than the layout's
 */
export function packInputs(
  layout: RoundLayout,
  activations: ReadonlyMap<string, IntegerTensor>,
  modulus: bigint,
): bigint[] {
  const plaintexts = layout.kind === "dense"
    ? packDense(layout, activations)
    : layout.inputs.flatMap((input) =>
      packSpatialInput(layout, input, activations)
    );
  // 2N on top: the division is the same whatever the sign and size of the value.
  const doubled = 2n * modulus;
  return plaintexts.map((value) => (value + doubled) % modulus);
}

/**
 * Accumulators of a round from its decrypted answers. Everything above the used
 * bits is the cloud's mask and is dropped, so that any plaintext whatever gives
 * accumulators of magnitude at most 2^(slotBits-1).
 *
 * @param plaintexts one for each answer of the round, in order
 * @returns shape [channels, height, width] (spatial) or [length] (dense)
 * @throws {RangeError} if there are too few or too many plaintexts
 */
export function unpackAnswers(
  layout: RoundLayout,
  plaintexts: readonly bigint[],
): IntegerTensor {
  const expected = answerCiphertexts(layout);
  if (plaintexts.length !== expected) {
    throw new RangeError(
      `Cannot unpack answers: expected ${expected} plaintexts, got ${plaintexts.length}`,
    );
  }
  return layout.kind === "dense"
    ? unpackDense(layout, plaintexts)
    : unpackSpatial(layout, plaintexts);
}

function packSpatialInput(
  layout: SpatialLayout,
  input: SpatialInput,
  activations: ReadonlyMap<string, IntegerTensor>,
): bigint[] {
  const [channels, height, width] = input.shape;
  const [rows, columns] = layout.grid;
  const [stepY, stepX] = input.step;
  const samples = activationSamples(
    activations,
    input.tensor,
    elementCount(input.shape),
    layout.samples,
  );
  const writer = new SlotWriter(blockSlots(layout), layout.slotBits);
  const plaintexts: bigint[] = [];
  for (let channel = 0; channel < channels; channel++) {
    for (const [offsetY, offsetX] of input.offsets) {
      for (let ty = 0; ty < rows; ty++) {
        const y = offsetY + stepY * ty;
        const rowAt = (channel * height + y) * width;
        for (let tx = 0; tx < columns; tx++) {
          const x = offsetX + stepX * tx;
          const inside = y >= 0 && y < height && x >= 0 && x < width;
          for (const sample of samples) {
            writer.push(inside ? sample[rowAt + x] : 0);
          }
        }
      }
      plaintexts.push(writer.finish());
    }
  }
  return plaintexts;
}

function packDense(
  layout: DenseLayout,
  activations: ReadonlyMap<string, IntegerTensor>,
): bigint[] {
  const inputs = layout.inputs.map(({ tensor, length }) =>
    activationSamples(activations, tensor, length, layout.samples)
  );
  const vectors = Array.from(
    { length: layout.samples },
    (_, s) => inputs.flatMap((samples) => Array.from(samples[s])),
  );
  const length = vectors[0].length;
  const writer = new SlotWriter(blockSlots(layout), layout.slotBits);
  const plaintexts: bigint[] = [];
  for (let start = 0; start < length; start += layout.fold) {
    const end = Math.min(start + layout.fold, length);
    for (let i = start; i < end; i++) {
      for (const vector of vectors) writer.push(vector[i]);
    }
    plaintexts.push(writer.finish());
  }
  return plaintexts;
}

function unpackSpatial(
  layout: SpatialLayout,
  plaintexts: readonly bigint[],
): IntegerTensor {
  const [channels, height, width] = layout.output;
  const [tileHeight, tileWidth] = layout.tile;
  const [rows, columns] = layout.grid;
  const samples = emptySamples(layout.samples, elementCount(layout.output));
  const phases = tileHeight * tileWidth;
  forEachValue(layout, plaintexts, (value, slot, read) => {
    const channel = Math.floor(value / phases);
    const phaseY = Math.floor(value % phases / tileWidth);
    const phaseX = value % tileWidth;
    for (let ty = 0; ty < rows; ty++) {
      const y = ty * tileHeight + phaseY;
      if (y >= height) break;
      for (let tx = 0; tx < columns; tx++) {
        const x = tx * tileWidth + phaseX;
        if (x >= width) break;
        const at = (channel * height + y) * width + x;
        const tileSlot = slot + (ty * columns + tx) * layout.samples;
        for (let s = 0; s < layout.samples; s++) {
          samples[s][at] = read(tileSlot + s);
        }
      }
    }
  });
  return { shape: [channels, height, width], samples };
}

function unpackDense(
  layout: DenseLayout,
  plaintexts: readonly bigint[],
): IntegerTensor {
  const samples = emptySamples(layout.samples, layout.outputLength);
  const usefulSlot = (layout.fold - 1) * layout.samples;
  const divisor = 2 ** layout.guardBits;
  forEachValue(layout, plaintexts, (value, slot, read) => {
    for (let s = 0; s < layout.samples; s++) {
      // Rounding down drops the carry of the masked slot below.
      samples[s][value] = Math.floor(read(slot + usefulSlot + s) / divisor);
    }
  });
  return { shape: [layout.outputLength], samples };
}

/** Visits each value with the first slot of its block and a reader of signed slots. */
function forEachValue(
  layout: RoundLayout,
  plaintexts: readonly bigint[],
  visit: (value: number, slot: number, read: (slot: number) => number) => void,
): void {
  const block = blockSlots(layout);
  const offset = 2 ** (layout.slotBits - 1);
  const reader = new SlotReader(usedSlots(layout, 0), layout.slotBits);
  const read = (slot: number) => reader.digit(slot) - offset;
  plaintexts.forEach((plaintext, answer) => {
    reader.open(plaintext, usedSlots(layout, answer));
    for (let i = 0; i < valuesInAnswer(layout, answer); i++) {
      visit(answer * layout.valuesPerCiphertext + i, i * block, read);
    }
  });
}

function activationSamples(
  activations: ReadonlyMap<string, IntegerTensor>,
  name: string,
  elements: number,
  count: number,
): Float64Array[] {
  const tensor = activations.get(name);
  if (!tensor) {
    throw new TypeError(
      `Cannot pack inputs: activation "${name}" is missing`,
    );
  }
  if (
    tensor.samples.length !== count ||
    tensor.samples.some((sample) => sample.length !== elements)
  ) {
    throw new RangeError(
      `Cannot pack activation "${name}": expected ${count} samples of ${elements} elements, got ${tensor.samples.length} of ${
        tensor.samples[0]?.length ?? 0
      }`,
    );
  }
  return tensor.samples;
}

function emptySamples(count: number, elements: number): Float64Array[] {
  return Array.from({ length: count }, () => new Float64Array(elements));
}
