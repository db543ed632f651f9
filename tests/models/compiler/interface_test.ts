/**
 * What a compiled model takes and gives: the graph cut at tensors, states fed back.
 *
 * @module
 */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { encodeNpy } from "../../../cli/readings/npy.ts";
import { compileModel } from "../../../models/compiler/compile.ts";
import { runFloat } from "../../../models/compiler/float_reference.ts";
import { simulateSequence } from "../../../models/simulate/sequence.ts";
import { cipherlayer } from "../../support/cli_process.ts";
import { GraphBuilder } from "../../reference/graph_builder.ts";
import { type GraphSpec, writeOnnx } from "../../reference/onnx_writer.ts";

/** h' = tanh(A x + B h), level = C h', and a branch that no round can hold. */
function cell(): Uint8Array {
  const g = new GraphBuilder([1], { seed: 31 });
  const next = g.node("Tanh", [
    g.node("Add", [g.dense("x", 2, 3), g.dense("h", 3, 3)]),
  ]);
  const level = g.dense(next, 3, 1);
  const sorted = g.node("TopK", [next, g.integers(1)]);
  const graph = g.graph("");
  const named = (input: string, output: string) => ({
    operator: "Identity",
    inputs: [input],
    outputs: [output],
  });
  const spec: GraphSpec = {
    ...graph,
    inputs: { x: ["batch", 2], h: ["batch", 3], unread: ["batch", 4] },
    nodes: [
      ...graph.nodes,
      named(level, "level"),
      named(next, "next"),
      named(sorted, "largest"),
    ],
    outputs: ["largest", "level"],
  };
  return writeOnnx(spec);
}

const states = [{ input: "h", output: "next" }];
const readings = new GraphBuilder([2], { seed: 5 }).readings(80);

Deno.test("a graph is cut at the tensors named, and inputs that nothing reads are left out", () => {
  const onnx = cell(), options = { name: "cell", calibration: readings };
  throws(() => compileModel(onnx, options), /TopK/);
  const { model } = compileModel(onnx, {
    ...options,
    calibration: readings.map((x) => [...x, .1, -.2, .3]),
    outputs: ["level"],
  });
  const { inputs, outputs } = model.manifest;
  deepEqual(inputs.map(({ name }) => name), ["x", "h"]);
  deepEqual(outputs.map(({ name }) => name), ["level"]);
  for (
    const [outputs, message] of [
      [["nothing"], /no node gives it \(its outputs are largest, level\)/],
      [["level", "level"], /"level": it is named twice/],
    ] as const
  ) {
    throws(
      () => compileModel(onnx, { ...options, outputs: [...outputs] }),
      message,
    );
  }
});

Deno.test("states are fed back in calibration as the gateway feeds them", () => {
  const outputs = ["level", "next"];
  const { model, network } = compileModel(cell(), {
    name: "cell",
    calibration: readings,
    outputs,
    states,
  });
  deepEqual(model.manifest.states, states);
  equal(model.manifest.reveal, "scores");
  const unseen = new GraphBuilder([2], { seed: 6 }).readings(40);
  let state = [0, 0, 0], error = 0, energy = 0;
  simulateSequence(model, unseen.map((x) => ({ x: [...x] })), { clamp: true })
    .forEach(({ outputs }, i) => {
      const [level, ...next] = runFloat(network, [...unseen[i], ...state]);
      state = next;
      error += (outputs.get("level")![0] - level) ** 2;
      energy += level ** 2;
    });
  ok(Math.sqrt(error / energy) < .05, `${Math.sqrt(error / energy)}`);
  throws(
    () =>
      compileModel(cell(), {
        name: "cell",
        calibration: readings,
        outputs,
        states: [{ input: "h", output: "none" }],
      }),
    /expected the output level or next, got "none"/,
  );
});

Deno.test("compile --output --state makes a model that run feeds back", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeFile(`${folder}/cell.onnx`, cell());
  const save = (path: string, list: ArrayLike<number>[]) =>
    Deno.writeFile(
      path,
      encodeNpy({
        shape: [list.length, 2],
        data: Float64Array.from(list.flatMap((x) => Array.from(x))),
      }),
    );
  await save(`${folder}/x.npy`, readings);
  const compiled = await cipherlayer(
    ...["compile", `${folder}/cell.onnx`, "--calibrate", `${folder}/x.npy`],
    ...["--output", "level", "--output", "next", "--state", "h=next"],
    ...["--out", `${folder}/package`],
  );
  equal(compiled.code, 0, compiled.stderr);
  await save(`${folder}/few.npy`, readings.slice(0, 3));
  const run = await cipherlayer(
    ...["run", `${folder}/package`, "--input", `${folder}/few.npy`],
    ...["--insecure-key-bits", "512", "--json"],
  );
  equal(run.code, 0, run.stderr);
  const levels = JSON.parse(run.stdout).outputs
    .map(({ level }: { level: number[] }) => level[0]);
  equal(new Set(levels).size, 3);
  await Deno.remove(folder, { recursive: true });
});
