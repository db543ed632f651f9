/** Writes small ONNX models for tests: independent of the reader under test. */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Element types: their number in ONNX and how they are written. */
const elementTypes = {
  float: [1, (data: ArrayLike<number>) => Float32Array.from(data)],
  uint8: [2, (data: ArrayLike<number>) => Uint8Array.from(data)],
  int8: [3, (data: ArrayLike<number>) => Int8Array.from(data)],
  int32: [6, (data: ArrayLike<number>) => Int32Array.from(data)],
  int64: [
    7,
    (data: ArrayLike<number>) => BigInt64Array.from(Array.from(data), BigInt),
  ],
} as const;

export type ElementType = keyof typeof elementTypes;

export interface TensorSpec {
  shape: number[];
  data: ArrayLike<number>;
  type?: ElementType;
}

export type AttributeSpec =
  | number
  | number[]
  | string
  | TensorSpec
  | { float: number }
  | { floats: number[] }
  | { strings: string[] };

export interface NodeSpec {
  operator: string;
  inputs: string[];
  outputs: string[];
  attributes?: Record<string, AttributeSpec>;
  name?: string;
  domain?: string;
}

export interface GraphSpec {
  opset?: number;
  /** Shape; a string is a symbolic axis. */
  inputs: Record<string, (number | string)[]>;
  outputs: string[];
  /** Of inputs and outputs that are not float. */
  types?: Record<string, ElementType>;
  nodes: NodeSpec[];
  constants?: Record<string, TensorSpec>;
  metadata?: Record<string, string>;
}

/** The model's bytes. */
export function writeOnnx(graph: GraphSpec): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int64(8);
  writer.tag(2, WireType.LengthDelimited).string("test");
  message(writer, 8, (opset) => {
    opset.tag(1, WireType.LengthDelimited).string("");
    opset.tag(2, WireType.Varint).int64(graph.opset ?? 13);
  });
  if (graph.nodes.some(({ domain }) => domain === "ai.onnx.ml")) {
    message(writer, 8, (opset) => {
      opset.tag(1, WireType.LengthDelimited).string("ai.onnx.ml");
      opset.tag(2, WireType.Varint).int64(3);
    });
  }
  message(writer, 7, (body) => writeGraph(body, graph));
  for (const [key, value] of Object.entries(graph.metadata ?? {})) {
    message(writer, 14, (body) => {
      body.tag(1, WireType.LengthDelimited).string(key);
      body.tag(2, WireType.LengthDelimited).string(value);
    });
  }
  return writer.finish();
}

function message(
  writer: BinaryWriter,
  field: number,
  write: (inner: BinaryWriter) => void,
): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
}

function writeGraph(writer: BinaryWriter, graph: GraphSpec): void {
  for (const node of graph.nodes) {
    message(writer, 1, (body) => writeNode(body, node));
  }
  writer.tag(2, WireType.LengthDelimited).string("graph");
  for (const [name, tensor] of Object.entries(graph.constants ?? {})) {
    message(writer, 5, (body) => writeTensor(body, name, tensor));
  }
  for (const [name, shape] of Object.entries(graph.inputs)) {
    const type = graph.types?.[name];
    message(writer, 11, (body) => writeValue(body, name, shape, type));
  }
  for (const name of graph.outputs) {
    const type = graph.types?.[name];
    message(writer, 12, (body) => writeValue(body, name, null, type));
  }
}

function writeNode(writer: BinaryWriter, node: NodeSpec): void {
  for (const input of node.inputs) {
    writer.tag(1, WireType.LengthDelimited).string(input);
  }
  for (const output of node.outputs) {
    writer.tag(2, WireType.LengthDelimited).string(output);
  }
  if (node.name) writer.tag(3, WireType.LengthDelimited).string(node.name);
  writer.tag(4, WireType.LengthDelimited).string(node.operator);
  for (const [name, value] of Object.entries(node.attributes ?? {})) {
    message(writer, 5, (body) => writeAttribute(body, name, value));
  }
  if (node.domain) writer.tag(7, WireType.LengthDelimited).string(node.domain);
}

function writeAttribute(
  writer: BinaryWriter,
  name: string,
  value: AttributeSpec,
): void {
  const type = (code: number) => writer.tag(20, WireType.Varint).int32(code);
  writer.tag(1, WireType.LengthDelimited).string(name);
  if (typeof value === "string") {
    writer.tag(4, WireType.LengthDelimited).string(value);
    type(3);
  } else if (Array.isArray(value)) {
    for (const item of value) writer.tag(8, WireType.Varint).int64(item);
    type(7);
  } else if (typeof value === "number") {
    // Whole numbers are integer attributes; { float } forces a float.
    if (Number.isInteger(value)) {
      writer.tag(3, WireType.Varint).int64(value);
      type(2);
    } else {
      writer.tag(2, WireType.Bit32).float(value);
      type(1);
    }
  } else if ("floats" in value) {
    for (const item of value.floats) writer.tag(7, WireType.Bit32).float(item);
    type(6);
  } else if ("strings" in value) {
    for (const item of value.strings) {
      writer.tag(9, WireType.LengthDelimited).string(item);
    }
    type(8);
  } else if ("float" in value) {
    writer.tag(2, WireType.Bit32).float(value.float);
    type(1);
  } else {
    message(writer, 5, (body) => writeTensor(body, "", value));
    type(4);
  }
}

function writeTensor(
  writer: BinaryWriter,
  name: string,
  { shape, data, type = "float" }: TensorSpec,
): void {
  for (const length of shape) writer.tag(1, WireType.Varint).int64(length);
  const [number, toRaw] = elementTypes[type];
  writer.tag(2, WireType.Varint).int32(number);
  if (name) writer.tag(8, WireType.LengthDelimited).string(name);
  const raw = toRaw(data);
  writer.tag(9, WireType.LengthDelimited)
    .bytes(new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength));
}

function writeValue(
  writer: BinaryWriter,
  name: string,
  shape: (number | string)[] | null,
  elementType: ElementType = "float",
): void {
  writer.tag(1, WireType.LengthDelimited).string(name);
  message(writer, 2, (type) =>
    message(type, 1, (tensor) => {
      tensor.tag(1, WireType.Varint).int32(elementTypes[elementType][0]);
      if (shape === null) return;
      message(tensor, 2, (dimensions) => {
        for (const length of shape) {
          message(dimensions, 1, (dimension) => {
            if (typeof length === "number") {
              dimension.tag(1, WireType.Varint).int64(length);
            } else dimension.tag(2, WireType.LengthDelimited).string(length);
          });
        }
      });
    }));
}
