import { deepEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { compileModel } from "../../../models/compiler/compile.ts";
import { balanceScales } from "../../../models/compiler/quantise/balance.ts";
import { GraphBuilder, normalNumbers } from "../../reference/graph_builder.ts";

function channel(scale: number, reach: number) {
  return {
    scale,
    reach,
    variance: reach * reach / 10,
    isConstant: false,
    exact: (wanted: number) => wanted,
    weightError: (used: number) => used * used,
  };
}

Deno.test("a channel of large accumulators gets coarser weights, others keep theirs", () => {
  const scales = balanceScales([channel(1, 10_000), channel(1, 100)], 255);
  ok(scales[0] > 4, `${scales[0]}`);
  deepEqual(scales[1], 1);
});

Deno.test("alike channels and dead ones stay as they are", () => {
  const alike = [channel(1, 100), channel(1, 100), channel(2, 0)];
  deepEqual([...balanceScales(alike, 255)], [1, 1, 2]);
  deepEqual([...balanceScales([channel(3, 0)], 255)], [3]);
});

Deno.test("scales never become finer, and a scale for all scales all", () => {
  const some = fc.array(
    fc.record({
      scale: fc.double({ min: 1e-3, max: 1, noNaN: true }),
      reach: fc.double({ min: 0, max: 1e3, noNaN: true }),
    }),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(fc.property(some, (given) => {
    const scales = balanceScales(
      given.map(({ scale, reach }) => channel(scale, reach)),
      255,
    );
    given.forEach(({ scale }, i) => ok(scales[i] >= scale));
  }));
});

Deno.test("residual channels of unlike strength: within 3 % at 8 bits", () => {
  // Kernels of strengths 1 to 1/128 beside a connection that passes all alike.
  const channels = 8;
  const g = new GraphBuilder([channels, 6, 6], { seed: 3 });
  const kernel = (strength: (row: number) => number) => {
    const size = channels * 9;
    const data = normalNumbers(channels * size, g.random, 1 / 8)
      .map((w, i) => w * strength(Math.floor(i / size)));
    return g.constant({ shape: [channels, channels, 3, 3], data: [...data] });
  };
  const pads = { pads: [1, 1, 1, 1] };
  const even = () => 1;
  const first = g.node("Conv", ["x", kernel(even)], pads);
  const inner = g.node("Relu", [first]);
  const second = g.node("Conv", [inner, kernel((row) => 2 ** -row)], pads);
  const sum = g.node("Relu", [g.node("Add", [second, first])]);
  const onnx = g.bytes(g.node("Conv", [sum, kernel(even)], pads));
  const { report } = compileModel(onnx, {
    name: "residual",
    calibration: g.readings(24),
    weightBits: 8,
    activationBits: 8,
  });
  ok(report.relativeError! < .03, `relative error ${report.relativeError}`);
});
