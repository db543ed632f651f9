import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { readOnnx } from "../../../models/compiler/onnx/read.ts";
import { writeOnnx } from "../../reference/onnx_writer.ts";
import { randomNumbers } from "../../reference/graph_builder.ts";

const small = writeOnnx({
  opset: 13,
  inputs: { x: ["batch", 2] },
  outputs: ["y"],
  nodes: [{
    operator: "Gemm",
    inputs: ["x", "w"],
    outputs: ["y"],
    attributes: { alpha: { float: .5 }, transB: 1, axes: [1, -2], mode: "m" },
  }],
  constants: { w: { shape: [3, 2], data: [1, 2, 3, 4, 5, -6] } },
});

Deno.test("reads a graph with its attributes, shapes and weights", () => {
  const graph = readOnnx(small);
  equal(graph.opset, 13);
  deepEqual(graph.inputs, [{ name: "x", shape: [-1, 2], isInteger: false }]);
  deepEqual(graph.outputs, [{ name: "y", shape: null, isInteger: false }]);
  const [node] = graph.nodes;
  equal(node.name, "Gemm_0");
  deepEqual([...node.attributes], [
    ["alpha", { kind: "number", value: .5 }],
    ["transB", { kind: "number", value: 1 }],
    ["axes", { kind: "numbers", value: [1, -2] }],
    ["mode", { kind: "string", value: "m" }],
  ]);
  const weights = graph.constants.get("w")!;
  deepEqual(weights.shape, [3, 2]);
  deepEqual([...weights.data], [1, 2, 3, 4, 5, -6]);
});

/** A model whose one initialiser is written by `write`. */
function withTensor(write: (tensor: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  writer.raw(small);
  // The last graph of a file counts.
  writer.tag(7, WireType.LengthDelimited).fork();
  writer.tag(12, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string("y").join();
  writer.tag(5, WireType.LengthDelimited).fork();
  writer.tag(8, WireType.LengthDelimited).string("t");
  write(writer);
  writer.join().join();
  return writer.finish();
}

function tensorOf(write: (tensor: BinaryWriter) => void): number[] {
  return [...readOnnx(withTensor(write)).constants.get("t")!.data];
}

const raw = (type: number, length: number, bytes: number[]) =>
  tensorOf((t) => {
    t.tag(1, WireType.Varint).int64(length);
    t.tag(2, WireType.Varint).int32(type);
    t.tag(9, WireType.LengthDelimited).bytes(Uint8Array.from(bytes));
  });

Deno.test("reads every encoding of tensors", () => {
  deepEqual(raw(1, 1, [0, 0, 128, 63]), [1]);
  deepEqual(raw(2, 2, [1, 255]), [1, 255]);
  deepEqual(raw(3, 2, [1, 255]), [1, -1]);
  deepEqual(raw(4, 1, [1, 255]), [65281]);
  deepEqual(raw(5, 1, [1, 255]), [-255]);
  deepEqual(raw(6, 1, [254, 255, 255, 255]), [-2]);
  deepEqual(raw(7, 1, [254, 255, 255, 255, 255, 255, 255, 255]), [-2]);
  deepEqual(raw(9, 2, [0, 1]), [0, 1]);
  deepEqual(raw(10, 5, [0, 60, 0, 192, 1, 0, 255, 123, 0, 252]), [
    1,
    -2,
    2 ** -24,
    65504,
    -Infinity,
  ]);
  deepEqual(raw(11, 1, [0, 0, 0, 0, 0, 0, 4, 192]), [-2.5]);
  deepEqual(raw(12, 1, [255, 255, 255, 255]), [2 ** 32 - 1]);
  deepEqual(raw(16, 1, [64, 192]), [-3]);

  const floats = tensorOf((t) => {
    t.tag(1, WireType.LengthDelimited).fork().int64(3).join();
    t.tag(2, WireType.Varint).int32(1);
    t.tag(4, WireType.LengthDelimited).fork().float(1.5).float(-2).join();
    t.tag(4, WireType.Bit32).float(4);
  });
  deepEqual(floats, [1.5, -2, 4]);
  const halves = tensorOf((t) => {
    t.tag(1, WireType.Varint).int64(1);
    t.tag(2, WireType.Varint).int32(10);
    t.tag(5, WireType.LengthDelimited).fork().int32(0xc000).join();
  });
  deepEqual(halves, [-2]);
  const longs = tensorOf((t) => {
    t.tag(1, WireType.Varint).int64(2);
    t.tag(2, WireType.Varint).int32(7);
    t.tag(7, WireType.LengthDelimited).fork().int64(-1).int64(2 ** 40).join();
  });
  deepEqual(longs, [-1, 2 ** 40]);
});

Deno.test("refuses tensors that cannot be read with the reason", () => {
  throws(
    () =>
      tensorOf((t) => {
        t.tag(2, WireType.Varint).int32(1);
        t.tag(14, WireType.Varint).int32(1);
      }),
    /"t": its data lie in another file/,
  );
  throws(() => raw(14, 1, [0]), /"t": element type 14/);
  throws(
    () => raw(1, 2, [0, 0, 0, 0]),
    /expected 2 elements of shape \[2\], got 1/,
  );
  throws(() => raw(1, 1, [0, 0, 0]), /3 bytes are no multiple of 4/);
  throws(
    () =>
      tensorOf((t) => {
        t.tag(8, WireType.LengthDelimited).string("n".repeat(10_000));
        t.tag(2, WireType.Varint).int32(99);
      }),
    { message: /^Cannot read tensor "n{200}\.\.\.": element type 99/ },
  );
});

Deno.test("refuses other versions and other files", () => {
  const withOpset = (opset: number) =>
    writeOnnx({ opset, inputs: { x: [1] }, outputs: ["y"], nodes: [] });
  throws(() => readOnnx(withOpset(6)), /expected opset 7 to 21, got 6/);
  throws(() => readOnnx(withOpset(22)), /expected opset 7 to 21, got 22/);
  equal(readOnnx(withOpset(7)).opset, 7);
  throws(() => readOnnx(new Uint8Array()), /holds no graph/);
  throws(
    () => readOnnx(new TextEncoder().encode('{"not": "onnx"}')),
    RangeError,
  );
});

Deno.test("throws only RangeErrors for files cut or altered anywhere", () => {
  for (let length = 0; length < small.length; length++) {
    throws(() => readOnnx(small.subarray(0, length)), RangeError);
  }
  const random = randomNumbers(3);
  let refused = 0;
  for (let i = 0; i < 2000; i++) {
    const altered = small.slice();
    altered[Math.floor(random() * small.length)] = Math.floor(random() * 256);
    try {
      readOnnx(altered);
    } catch (error) {
      ok(error instanceof RangeError, String(error));
      refused++;
    }
  }
  ok(refused > 200, `${refused} of 2000 refused`);
});
