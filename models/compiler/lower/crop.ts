/**
 * Crops rows and columns of a map that no later operator reads.
 *
 * @module
 */
import {
  type Convolution,
  type FloatNetwork,
  type FloatRound,
  type FloatTerm,
  type GatewayOperation,
  type Grid,
  isJoin,
  operandOf,
  type Window,
} from "../ir.ts";

/**
 * Leaves out what nobody reads: the last rows and columns of a map that a window
 * which rounds down, or a stride, never reaches, back through the network. An odd
 * map before a 2x2 pool loses a row and a column, and so does all that made them.
 */
export function cropUnread(network: FloatNetwork): FloatNetwork {
  const rounds = network.rounds.slice();
  const outputs = new Set(network.outputs.map(({ tensor }) => tensor));
  for (let i = rounds.length - 1; i >= 0; i--) {
    const { round, written } = outputs.has(rounds[i].writes)
      // Every element has a reader.
      ? cropRound(rounds[i], [])
      : cropRound(rounds[i], rounds.slice(i + 1));
    rounds[i] = round;
    for (let j = i + 1; written && j < rounds.length; j++) {
      const terms = rounds[j].terms.map((term) =>
        term.reads === round.writes ? readingFrom(term, written) : term
      );
      rounds[j] = { ...rounds[j], terms };
    }
  }
  return { ...network, rounds };
}

/** The round with a smaller output, and the grid it writes where that changed. */
function cropRound(
  round: FloatRound,
  later: FloatRound[],
): { round: FloatRound; written?: Grid } {
  const { terms, shape } = round;
  if (terms.some(({ map }) => map.kind !== "convolution")) return { round };
  // Joined values keep their places.
  if (round.gateway.some(isJoin)) return { round };
  const windows = round.gateway.flatMap((step) =>
    "window" in step ? [step.window] : []
  );
  const grids = [shape as Grid, ...windows.map(({ output }) => output)];
  // A step that sees the same numbers through another shape stays as it is.
  if (windows.some(({ input }, i) => !sameGrid(input, grids[i]))) {
    return { round };
  }
  const full = grids[windows.length];
  const written = gridRead(round, full, later);
  let grid = written;
  const gateway: GatewayOperation[] = [];
  for (const step of round.gateway.toReversed()) {
    if ("window" in step) {
      const window = cropWindow(step.window, grid);
      gateway.unshift({ ...step, window });
      grid = window.input;
    } else gateway.unshift(step);
  }
  if (sameGrid(grid, shape as Grid)) return { round };
  const changed = !sameGrid(written, full);
  return {
    round: {
      ...round,
      gateway,
      terms: terms.map(({ reads, map }) => ({
        reads,
        map: withOutput(map as Convolution, grid),
      })),
      shape: grid,
      bias: cropValues(round.bias, shape as Grid, grid),
      writesShape: changed ? written : round.writesShape,
    },
    written: changed ? written : undefined,
  };
}

/** The part of a round's activation that later rounds read. */
function gridRead(round: FloatRound, full: Grid, later: FloatRound[]): Grid {
  const readers = later.flatMap(({ terms }) =>
    terms.filter(({ reads }) => reads === round.writes)
  );
  const sameShape = round.writesShape.length === 3 &&
    sameGrid(round.writesShape as Grid, full);
  const isOperand = later.some(({ gateway }) =>
    gateway.some((step) => operandOf(step) === round.writes)
  );
  if (readers.length === 0 || isOperand || !sameShape) return full;
  let height = 0, width = 0;
  for (const { map } of readers) {
    if (map.kind !== "convolution" || !sameGrid(map.input, full)) return full;
    height = Math.max(height, reach(map, 0));
    width = Math.max(width, reach(map, 1));
  }
  return [full[0], min(full[1], height), min(full[2], width)];
}

/** Rows (axis 0) or columns (1) from the first on that a window reaches. */
function reach(
  { output, stride, dilation, kernel, pads }: Window | Convolution,
  axis: 0 | 1,
): number {
  return (output[1 + axis] - 1) * stride[axis] +
    dilation[axis] * (kernel[axis] - 1) + 1 - pads[axis];
}

/** A window that gives `output` from as little input as it takes. */
function cropWindow(window: Window, output: Grid): Window {
  const wanted = { ...window, output };
  const [bottom, right] = [reach(wanted, 0), reach(wanted, 1)];
  const [channels, height, width] = window.input;
  const [top, left] = window.pads;
  return {
    ...wanted,
    input: [channels, min(height, bottom), min(width, right)],
    pads: [top, left, Math.max(0, bottom - height), Math.max(0, right - width)],
  };
}

function withOutput(map: Convolution, output: Grid): Convolution {
  const wanted: Convolution = { ...map, output };
  const [, height, width] = map.input;
  const [top, left] = map.pads;
  return {
    ...wanted,
    pads: [top, left, reach(wanted, 0) - height, reach(wanted, 1) - width],
  };
}

/** The same convolution on an input of which only `input` is left. */
function readingFrom({ reads, map }: FloatTerm, input: Grid): FloatTerm {
  const convolution = map as Convolution;
  return {
    reads,
    map: withOutput({ ...convolution, input }, convolution.output),
  };
}

function cropValues(values: Float64Array, from: Grid, to: Grid): Float64Array {
  const result = new Float64Array(to[0] * to[1] * to[2]);
  let at = 0;
  for (let channel = 0; channel < to[0]; channel++) {
    for (let y = 0; y < to[1]; y++) {
      for (let x = 0; x < to[2]; x++) {
        result[at++] = values[(channel * from[1] + y) * from[2] + x];
      }
    }
  }
  return result;
}

/** What is left of `size` rows when only `reached` are read: at least one. */
function min(size: number, reached: number): number {
  return Math.max(1, Math.min(size, reached));
}

function sameGrid(left: Grid, right: Grid): boolean {
  return left.every((size, axis) => size === right[axis]);
}
