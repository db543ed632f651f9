/** onnxruntime as the floating-point oracle. */
import * as ort from "onnxruntime-web";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

/** Runs a model of one input and one output on each reading. */
export async function runOnnx(
  model: Uint8Array,
  readings: ArrayLike<number>[],
  shape: number[],
): Promise<Float32Array[]> {
  const session = await ort.InferenceSession.create(model);
  try {
    const outputs: Float32Array[] = [];
    for (const reading of readings) {
      const input = new ort.Tensor(
        "float32",
        Float32Array.from(reading),
        shape,
      );
      const result = await session.run({ [session.inputNames[0]]: input });
      const { data } = result[session.outputNames[0]];
      outputs.push(Float32Array.from(data as Float32Array));
    }
    return outputs;
  } finally {
    await session.release();
  }
}
