/** ONNX files: the reader, and the passes behind it. */
import fc from "fast-check";
import { sizeOf } from "../../../models/compiler/onnx/tensor.ts";
import { readOnnx } from "../../../models/compiler/onnx/read.ts";
import { lower } from "../../../models/compiler/lower/lower.ts";
import { UnsupportedModelError } from "../../../models/compiler/lower/unsupported.ts";
import {
  buildCaseGraph,
  operatorCases,
} from "../../models/compiler/operator_cases.ts";
import { writeOnnx } from "../../reference/onnx_writer.ts";
import { damagedBytes } from "../bytes.ts";
import { readCorpus } from "../corpus.ts";
import {
  type Declared,
  type FuzzTarget,
  hidesCrash,
  range,
  taken,
} from "../target.ts";
import { damagedTrees } from "../trees.ts";

/** What protobuf's reader finds wrong is wrapped; a crash must not be. */
const unreadable: Declared = (error) =>
  range(error) && !(error.cause instanceof TypeError);

/** The reader alone. */
export function onnx(): FuzzTarget<Uint8Array> {
  return {
    inputs: damagedBytes(readCorpus("onnx")),
    check(file) {
      const graph = taken(unreadable, () => readOnnx(file));
      if (graph === null) return;
      for (const { shape, data, type } of graph.constants.values()) {
        const whole = shape.every((length) =>
          Number.isSafeInteger(length) && length >= 0
        );
        if (!whole || (type !== "string" && sizeOf(shape) !== data.length)) {
          throw new Error(`A tensor has shape [${shape}]`);
        }
      }
    },
    quickCases: 1500,
  };
}

const refused: Declared = (error) =>
  !hidesCrash(error) &&
  (range(error) || error instanceof UnsupportedModelError && explains(error));

/** Every node with a reason of ours, none with what the engine said. */
function explains({ nodes }: UnsupportedModelError): boolean {
  return nodes.length > 0 &&
    nodes.every(({ why }) =>
      !/^(Invalid|Cannot read prop|Maximum call|undefined|NaN)/.test(why) &&
      !/is not (iterable|a function)/.test(why)
    );
}

/** Reader and passes, on graphs of every operator, damaged in their structure. */
export function passes(): FuzzTarget<Uint8Array> {
  const graphs = operatorCases.map(buildCaseGraph);
  const written = damagedTrees(graphs).map((tree) => {
    try {
      return writeOnnx(tree as never);
    } catch {
      // What cannot be written was no graph any more.
      return new Uint8Array();
    }
  });
  return {
    inputs: fc.oneof(
      { weight: 4, arbitrary: written },
      damagedBytes(readCorpus("onnx")),
    ),
    check(file) {
      const graph = taken(unreadable, () => readOnnx(file));
      const network = graph && taken(refused, () => lower(graph));
      if (network === null) return;
      for (const { bias, shape, terms } of network.rounds) {
        if (bias.length !== sizeOf(shape) || terms.length === 0) {
          throw new Error(
            `A round of shape [${shape}] has ${bias.length} biases`,
          );
        }
      }
    },
    quickCases: 600,
  };
}
