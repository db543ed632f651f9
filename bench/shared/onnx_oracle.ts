/**
 * onnxruntime as the floating-point oracle.
 *
 * @module
 */
import * as ort from "onnxruntime-web";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

const arrays = {
  float32: Float32Array,
  uint8: Uint8Array,
  int8: Int8Array,
};

/** A model that onnxruntime has opened. */
export interface OpenModel extends AsyncDisposable {
  /** Outputs by name, of inputs by name. */
  run(
    inputs: Record<string, { data: ArrayLike<number>; shape: number[] }>,
  ): Promise<Record<string, Float32Array>>;
}

/** Opens a model of real inputs. */
export async function openOnnx(model: Uint8Array): Promise<OpenModel> {
  const session = await ort.InferenceSession.create(model);
  return {
    async run(inputs) {
      const tensors = Object.entries(inputs).map(([name, { data, shape }]) => [
        name,
        new ort.Tensor("float32", Float32Array.from(data), shape),
      ]);
      const outputs = await session.run(Object.fromEntries(tensors));
      return Object.fromEntries(
        Object.entries(outputs).map(([name, { data }]) => [
          name,
          Float32Array.from(data as Float32Array),
        ]),
      );
    },
    [Symbol.asyncDispose]: () => session.release(),
  };
}

/**
 * Runs a model of one input on each reading.
 *
 * @param options.type of the input's elements
 * @param options.output name of what is returned; default: the first output
 */
export async function runOnnx(
  model: Uint8Array,
  readings: ArrayLike<number>[],
  shape: number[],
  { type = "float32", output }: {
    type?: "float32" | "uint8" | "int8";
    output?: string;
  } = {},
): Promise<Float32Array[]> {
  const session = await ort.InferenceSession.create(model);
  try {
    const outputs: Float32Array[] = [];
    for (const reading of readings) {
      const input = new ort.Tensor(type, arrays[type].from(reading), shape);
      const result = await session.run({ [session.inputNames[0]]: input });
      const { data } = result[output ?? session.outputNames[0]];
      outputs.push(Float32Array.from(data as Float32Array));
    }
    return outputs;
  } finally {
    await session.release();
  }
}
