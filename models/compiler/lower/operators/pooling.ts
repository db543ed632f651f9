/**
 * Pooling: averages are linear but better taken at the gateway, maxima only there.
 *
 * @module
 */
import type { Convolution, GatewayOperation, Grid, Window } from "../../ir.ts";
import { numberAttribute, numbersAttribute } from "../../onnx/graph.ts";
import { compose } from "../linear_map.ts";
import {
  dynamicInput,
  gatewayResult,
  isSoleReader,
  linearResult,
  type OperatorCall,
  type OperatorRule,
} from "../operator_call.ts";
import { UnsupportedNodeError } from "../unsupported.ts";
import { gridOf } from "../values.ts";
import { countedCells, exactPads, windowOf } from "../windows.ts";

const averagePool: OperatorRule = (call) => {
  const { node } = call;
  const window = pooling(call);
  const includePad = numberAttribute(node, "count_include_pad", 0) === 1;
  const counted: Window["pads"] = includePad ? window.pads : [0, 0, 0, 0];
  return average(call, window, counted, pooledShape(call, window.output));
};

const globalAveragePool: OperatorRule = (call) => {
  const grid = requireGrid(call);
  return spatialMean(call, pooledShape(call, [grid[0], 1, 1]));
};

/** Mean over all of space, under the shape given. */
export function spatialMean(call: OperatorCall, shape: number[]) {
  return average(call, wholeWindow(requireGrid(call)), [0, 0, 0, 0], shape);
}

function average(
  call: OperatorCall,
  window: Window,
  counted: Window["pads"],
  shape: number[],
) {
  const value = dynamicInput(call, 0);
  const exact: Window = { ...window, pads: exactPads(window) };
  const atEdge: GatewayOperation = {
    op: "averagePool",
    window: exact,
    counted,
  };
  const pending = value.kind === "gateway" && value.activation === null &&
    (isSoleReader(call, 0) || call.joined.has(call.node.inputs[0]));
  const dilated = window.dilation.some((step) => step !== 1);
  const asConvolution = meanConvolution(exact, counted);
  if (!asConvolution && dilated) {
    throw new UnsupportedNodeError(
      "it averages a dilated window of changing size",
      "leave out dilation, or count the padding",
    );
  }
  if (!asConvolution || (pending && call.pool === "gateway" && !dilated)) {
    return gatewayResult(call, atEdge, shape);
  }
  const composes = value.kind === "gateway" ||
    value.terms.every(({ map }) => compose(asConvolution, map) !== null);
  return composes || dilated
    ? linearResult(call, value, [asConvolution], shape)
    : gatewayResult(call, atEdge, shape);
}

/** The average as a depthwise convolution, where all windows count as many cells. */
function meanConvolution(
  window: Window,
  counted: Window["pads"],
): Convolution | null {
  const cells = countedCells(window, counted);
  if (cells.some((count) => count !== cells[0])) return null;
  const channels = window.input[0];
  const area = window.kernel[0] * window.kernel[1];
  return {
    kind: "convolution",
    ...window,
    groups: channels,
    weights: new Float64Array(channels * area).fill(1 / cells[0]),
  };
}

const maxPool: OperatorRule = (call) => {
  if (call.node.outputs[1]) {
    throw new UnsupportedNodeError(
      "it gives the places of the maxima as well",
      "use its first output only",
    );
  }
  const window = pooling(call);
  const operation: GatewayOperation = {
    op: "maxPool",
    window: { ...window, pads: exactPads(window) },
  };
  return gatewayResult(call, operation, pooledShape(call, window.output));
};

const globalMaxPool: OperatorRule = (call) => {
  const window = wholeWindow(requireGrid(call));
  return gatewayResult(
    call,
    { op: "maxPool", window },
    pooledShape(call, window.output),
  );
};

function pooling(call: OperatorCall): Window {
  const kernel = numbersAttribute(call.node, "kernel_shape") ?? [];
  return windowOf(call.node, requireGrid(call), kernel);
}

function requireGrid(call: OperatorCall): Grid {
  const { shape } = dynamicInput(call, 0);
  const grid = gridOf(shape);
  if (grid) return grid;
  throw new UnsupportedNodeError(
    `it pools a tensor of shape [${shape}]; 1-D and 2-D pooling of a batch of 1 is known`,
    "express it by 1-D or 2-D pooling",
  );
}

function wholeWindow(grid: Grid): Window {
  return {
    input: grid,
    output: [grid[0], 1, 1],
    kernel: [grid[1], grid[2]],
    stride: [1, 1],
    dilation: [1, 1],
    pads: [0, 0, 0, 0],
  };
}

function pooledShape(call: OperatorCall, output: Grid): number[] {
  const signal = dynamicInput(call, 0).shape.length === 3;
  return signal ? [1, output[0], output[2]] : [1, ...output];
}

export const poolingRules: Record<string, OperatorRule> = {
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
  MaxPool: maxPool,
  GlobalMaxPool: globalMaxPool,
};
