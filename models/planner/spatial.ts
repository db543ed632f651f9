/**
 * Layouts of convolutions: tiles of the output map in slots.
 *
 * @module
 */
import {
  blockSlots,
  headroomBits,
  outputValues,
} from "../../sdk/fixed_point/layout.ts";
import type { SpatialInput, SpatialLayout } from "../../sdk/wire/plan.ts";
import type { ConvolutionTerm, RoundSpec } from "../package/format.ts";
import { plainSlotBits } from "./slot_width.ts";

/** Outputs of a tile, at most: plans list no more offsets for an input. */
const maxTileOutputs = 2 ** 16;

/** All layouts worth considering: every grid of tiles that fits, packed full. */
export function* spatialLayouts(
  round: RoundSpec,
  modulusBits: number,
  samples: number,
): Generator<SpatialLayout, void> {
  const [, height, width] = round.outputShape;
  const slotBits = plainSlotBits(round);
  const maxSlots = Math.floor((modulusBits - headroomBits) / slotBits);
  for (const tileHeight of tileExtents(height)) {
    for (const tileWidth of tileExtents(width)) {
      const grid = Math.ceil(height / tileHeight) *
        Math.ceil(width / tileWidth);
      if (grid * samples > maxSlots) continue;
      if (tileHeight * tileWidth > maxTileOutputs) continue;
      yield spatialLayout(round, {
        tile: [tileHeight, tileWidth],
        samples,
        slotBits,
        maxSlots,
      });
    }
  }
}

/** The layout of a convolution round with tiles of this many outputs. */
export function spatialLayout(
  round: RoundSpec,
  { tile, samples, slotBits, maxSlots }: {
    tile: [height: number, width: number];
    samples: number;
    slotBits: number;
    maxSlots: number;
  },
): SpatialLayout {
  const [channels, height, width] = round.outputShape;
  const layout: SpatialLayout = {
    kind: "spatial",
    samples,
    tile,
    grid: [Math.ceil(height / tile[0]), Math.ceil(width / tile[1])],
    inputs: [],
    output: [channels, height, width],
    slotBits,
    valuesPerCiphertext: 1,
  };
  layout.inputs = (round.terms as ConvolutionTerm[]).map((term) =>
    spatialInput(term, layout)
  );
  layout.valuesPerCiphertext = evenly(
    outputValues(layout),
    Math.floor(maxSlots / blockSlots(layout)),
  );
  return layout;
}

/** As few a ciphertext as leave the number of ciphertexts what `most` makes it. */
export function evenly(values: number, max: number): number {
  return Math.ceil(values / Math.ceil(values / max));
}

/** Tile sizes that differ in the number of tiles; the least for each. */
function tileExtents(extent: number): number[] {
  const sizes = new Set<number>();
  for (let tiles = extent; tiles >= 1; tiles--) {
    sizes.add(Math.ceil(extent / tiles));
  }
  return [...sizes];
}

/** What the tiles of `layout` read for `term`. */
function spatialInput(
  term: ConvolutionTerm,
  { tile, grid }: SpatialLayout,
): SpatialInput {
  const step: [number, number] = [
    term.stride[0] * tile[0],
    term.stride[1] * tile[1],
  ];
  const [rows, columns] = ([0, 1] as const).map((axis) =>
    axisOffsets(term, axis, {
      outputs: tile[axis],
      tiles: grid[axis],
      step: step[axis],
    })
  );
  return {
    tensor: term.reads,
    shape: term.inputShape,
    step,
    offsets: rows.flatMap((y) => columns.map((x): [number, number] => [y, x])),
  };
}

/**
 * Offsets psi along one axis that lie inside the tensor for some tile, ascending.
 * A tile has so many `outputs` and begins `step` inputs after the one before.
 */
function axisOffsets(
  term: ConvolutionTerm,
  axis: 0 | 1,
  { outputs, tiles, step }: { outputs: number; tiles: number; step: number },
): number[] {
  const extent = term.inputShape[axis + 1], pad = term.pads[axis];
  const stride = term.stride[axis], dilation = term.dilation[axis];
  const taps = term.kernel[axis];
  const span = stride * (outputs - 1) + dilation * (taps - 1) + 1;
  const isRead = new Uint8Array(span);
  for (let phase = 0; phase < outputs; phase++) {
    for (let tap = 0; tap < taps; tap++) {
      isRead[stride * phase + dilation * tap] = 1;
    }
  }
  const offsets: number[] = [];
  for (let psi = -pad; psi < span - pad; psi++) {
    if (!isRead[psi + pad]) continue;
    // The first tile at which psi is not left of the tensor decides.
    const firstTile = Math.max(0, Math.ceil(-psi / step));
    if (firstTile < tiles && psi + firstTile * step < extent) offsets.push(psi);
  }
  return offsets;
}
