/**
 * Reads the part of ONNX that inference needs (onnx.proto of ONNX 1.16), straight
 * from protobuf's wire format: a handful of messages, so no generated code.
 *
 * @module
 */
import { BinaryReader } from "@bufbuild/protobuf/wire";
import type { Attribute, OnnxGraph, OnnxNode, OnnxValue } from "./graph.ts";
import { shortRanges, type Tensor } from "./tensor.ts";
import { readInt64, readNumbers, readTensor } from "./tensor_proto.ts";

/** Operator-set versions that the passes know. */
export const opsetRange = [7, 21] as const;

/**
 * Reads a model file.
 *
 * @throws {RangeError} where the bytes are no ONNX model (truncated, corrupt,
 * another format), an opset outside of 7 to 21, or weights in external files
 */
export function readOnnx(bytes: Uint8Array): OnnxGraph {
  let model: Partial<OnnxGraph>;
  try {
    model = readModel(new BinaryReader(bytes));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (message.startsWith("Cannot")) throw error;
    throw new RangeError(
      `Cannot read ONNX model: the file is truncated or corrupt (${message})`,
      { cause: error },
    );
  }
  const { opset, nodes, outputs } = model;
  if (!nodes || !outputs?.length) {
    throw new RangeError(
      "Cannot read ONNX model: the file holds no graph with an output",
    );
  }
  if (opset === undefined || opset < opsetRange[0] || opset > opsetRange[1]) {
    throw new RangeError(
      `Cannot read ONNX model: expected opset ${opsetRange[0]} to ${
        opsetRange[1]
      }, got ${opset ?? "none"}`,
    );
  }
  return model as OnnxGraph;
}

function readModel(reader: BinaryReader): Partial<OnnxGraph> {
  const metadata = new Map<string, string>();
  const model: Partial<OnnxGraph> = { producer: "", metadata };
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 2 || field === 3) {
      model.producer = `${model.producer} ${reader.string()}`.trim();
    } else if (field === 7) {
      Object.assign(model, readGraph(reader, ends(reader)));
    } else if (field === 8) {
      const { domain, version } = readOperatorSet(reader, ends(reader));
      if (domain === "" || domain === "ai.onnx") model.opset = version;
      // A model of that domain alone: any set of the standard operators does.
      if (domain === "ai.onnx.ml") model.opset ??= opsetRange[1];
    } else if (field === 14) {
      const { key, value } = readProperty(reader, ends(reader));
      metadata.set(key, value);
    } else reader.skip(wireType, field);
  }
  return model;
}

/** Reads a length prefix; the message ends at the place returned. */
function ends(reader: BinaryReader): number {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > reader.len) {
    throw new RangeError(
      `a message of ${length} bytes at ${reader.pos} ends after the file's ${reader.len}`,
    );
  }
  return end;
}

function readOperatorSet(reader: BinaryReader, end: number) {
  let domain = "", version = 0;
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (field === 1) domain = reader.string();
    else if (field === 2) version = readInt64(reader);
    else reader.skip(wireType, field);
  }
  return { domain, version };
}

function readProperty(reader: BinaryReader, end: number) {
  let key = "", value = "";
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (field === 1) key = reader.string();
    else if (field === 2) value = reader.string();
    else reader.skip(wireType, field);
  }
  return { key, value };
}

function readGraph(
  reader: BinaryReader,
  end: number,
): Omit<OnnxGraph, "opset" | "producer" | "metadata"> {
  const nodes: OnnxNode[] = [];
  const constants = new Map<string, Tensor>();
  const inputs: OnnxValue[] = [], outputs: OnnxValue[] = [];
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (field === 1) {
      const node = readNode(reader, ends(reader));
      node.name ||= `${node.operator}_${nodes.length}`;
      nodes.push(node);
    } else if (field === 5) {
      const { name, tensor } = readTensor(reader, ends(reader));
      constants.set(name, tensor);
    } else if (field === 11) inputs.push(readValue(reader, ends(reader)));
    else if (field === 12) outputs.push(readValue(reader, ends(reader)));
    else reader.skip(wireType, field);
  }
  // Before IR version 4 initialisers were listed among the inputs as well.
  return {
    nodes,
    constants,
    inputs: inputs.filter(({ name }) => !constants.has(name)),
    outputs,
  };
}

function readNode(reader: BinaryReader, end: number): OnnxNode {
  const node: OnnxNode = {
    name: "",
    operator: "",
    domain: "",
    inputs: [],
    outputs: [],
    attributes: new Map(),
  };
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (field === 1) node.inputs.push(reader.string());
    else if (field === 2) node.outputs.push(reader.string());
    else if (field === 3) node.name = reader.string();
    else if (field === 4) node.operator = reader.string();
    else if (field === 5) {
      const [name, attribute] = readAttribute(reader, ends(reader));
      node.attributes.set(name, attribute);
    } else if (field === 7) node.domain = reader.string();
    else reader.skip(wireType, field);
  }
  return node;
}

/** AttributeProto: the type of which each field holds values. */
const typeOfField: Readonly<Record<number, number>> = {
  2: 1,
  3: 2,
  4: 3,
  5: 4,
  6: 5,
  7: 6,
  8: 7,
  9: 8,
  10: 9,
  11: 10,
};

function readAttribute(
  reader: BinaryReader,
  end: number,
): [name: string, attribute: Attribute] {
  let name = "", type = 0, number = 0, string = "";
  let tensor: Tensor | null = null;
  const numbers: number[] = [], strings: string[] = [];
  let filled = 0;
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (field >= 2 && field <= 11) filled = field;
    if (field === 1) name = reader.string();
    else if (field === 2) number = reader.float();
    else if (field === 3) number = readInt64(reader);
    else if (field === 4) string = reader.string();
    else if (field === 5) tensor = readTensor(reader, ends(reader)).tensor;
    else if (field === 7) {
      readNumbers(reader, wireType, (r) => r.float(), numbers);
    } else if (field === 8) readNumbers(reader, wireType, readInt64, numbers);
    else if (field === 9) strings.push(reader.string());
    else if (field === 20) type = reader.int32();
    else reader.skip(wireType, field);
  }
  // Old exporters leave the type out: the field that is filled tells it.
  if (type === 0) type = typeOfField[filled] ?? 0;
  if (type === 1 || type === 2) {
    return [name, { kind: "number", value: number }];
  }
  if (type === 3) return [name, { kind: "string", value: string }];
  if (type === 4 && tensor) return [name, { kind: "tensor", value: tensor }];
  if (type === 6 || type === 7) {
    return [name, { kind: "numbers", value: numbers }];
  }
  if (type === 8) return [name, { kind: "strings", value: strings }];
  const kind = type === 5 || type === 10 ? "graph" : "other";
  return [name, { kind, value: null }];
}

/** ValueInfoProto: name and, of the type, the tensor's shape. */
function readValue(reader: BinaryReader, end: number): OnnxValue {
  const value: OnnxValue = { name: "", shape: null };
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (field === 1) value.name = reader.string();
    else if (field === 2) Object.assign(value, readType(reader, ends(reader)));
    else reader.skip(wireType, field);
  }
  return value;
}

/** TypeProto.tensor_type: element type, and shape.dim, each dim_value or -1. */
function readType(
  reader: BinaryReader,
  end: number,
): Pick<OnnxValue, "shape" | "isInteger" | "range"> {
  let shape: number[] | null = null, elementType = 1;
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (field !== 1) {
      reader.skip(wireType, field);
      continue;
    }
    const tensorEnd = ends(reader);
    while (reader.pos < tensorEnd) {
      const [inner, innerType] = reader.tag();
      if (inner === 1) elementType = reader.int32();
      else if (inner === 2) shape = readShape(reader, ends(reader));
      else reader.skip(innerType, inner);
    }
  }
  const range = shortRanges[elementType];
  const isInteger = integerTypes.has(elementType);
  return { shape, isInteger, ...range && { range } };
}

/** Element types, as TensorProto.DataType has them, that are integers or booleans. */
const integerTypes: ReadonlySet<number> = new Set([
  ...[2, 3, 4, 5, 6, 7, 9, 12, 13],
]);

function readShape(reader: BinaryReader, end: number): number[] {
  const shape: number[] = [];
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (field !== 1) {
      reader.skip(wireType, field);
      continue;
    }
    let length = -1;
    const dimensionEnd = ends(reader);
    while (reader.pos < dimensionEnd) {
      const [inner, innerType] = reader.tag();
      if (inner === 1) length = readInt64(reader);
      else reader.skip(innerType, inner);
    }
    shape.push(length);
  }
  return shape;
}
