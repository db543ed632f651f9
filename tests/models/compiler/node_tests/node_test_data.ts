/** ONNX's own node tests (Debian's libonnx-testdata), as models of one reading. */
import { existsSync } from "node:fs";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import type {
  OnnxGraph,
  OnnxValue,
} from "../../../../models/compiler/onnx/graph.ts";
import { readOnnx } from "../../../../models/compiler/onnx/read.ts";
import type { Tensor } from "../../../../models/compiler/onnx/tensor.ts";
import { readTensor } from "../../../../models/compiler/onnx/tensor_proto.ts";

const folder = "/usr/share/libonnx-testdata/data";

/** Whether the package is installed. */
export const hasNodeTests = existsSync(folder);

const kinds = ["node", "pytorch-converted", "pytorch-operator"];

/** A test whose first input is the reading and whose other inputs are constants. */
export interface NodeTest {
  graph: OnnxGraph;
  reading: Float64Array;
  expected: Float64Array;
}

/** Names of all tests, with their kind ahead. */
export function nodeTestNames(): string[] {
  return kinds.flatMap((kind) =>
    [...Deno.readDirSync(`${folder}/${kind}`)].map(({ name }) =>
      `${kind}/${name}`
    ).sort()
  );
}

/** @throws {RangeError} where the file holds what the reader refuses */
export function readNodeTest(name: string): NodeTest {
  const graph = readOnnx(Deno.readFileSync(`${folder}/${name}/model.onnx`));
  const data = (file: string) => {
    const path = `${folder}/${name}/test_data_set_0/${file}.pb`;
    const bytes = Deno.readFileSync(path);
    return readTensor(new BinaryReader(bytes), bytes.length).tensor;
  };
  const [first, ...others] = graph.inputs;
  if (!first) throw new RangeError("it has no input");
  const constants = new Map<string, Tensor>(graph.constants);
  others.forEach(({ name }, i) => constants.set(name, data(`input_${i + 1}`)));
  const reading = data("input_0"), expected = data("output_0");
  const { inputs, nodes } = asReading(first, reading.shape, constants);
  return {
    graph: {
      ...graph,
      constants,
      inputs,
      // Of the first output the test holds what is expected.
      outputs: graph.outputs.slice(0, 1),
      nodes: [...nodes, ...graph.nodes],
    },
    reading: reading.data,
    expected: expected.data,
  };
}

/** The first input as a reading with a batch axis of one, which a Reshape may make. */
function asReading(
  { name, isInteger }: OnnxValue,
  shape: number[],
  constants: Map<string, Tensor>,
): Pick<OnnxGraph, "inputs" | "nodes"> {
  if (shape[0] === 1 && shape.length > 1) {
    return { inputs: [{ name, shape, isInteger }], nodes: [] };
  }
  const size = shape.reduce((a, b) => a * b, 1);
  constants.set("reading shape", {
    type: "integer",
    shape: [shape.length],
    data: Float64Array.from(shape),
  });
  return {
    inputs: [{ name: "reading", shape: [1, size], isInteger }],
    nodes: [{
      name: "reading as tensor",
      operator: "Reshape",
      domain: "",
      inputs: ["reading", "reading shape"],
      outputs: [name],
      attributes: new Map(),
    }],
  };
}
