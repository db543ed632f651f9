/** A model is planned in slices, so that whoever else calls is answered meanwhile. */
import assert from "node:assert/strict";
import { PreparedModels } from "../../../functions/rounds/prepared_model.ts";
import { accumulatorBound } from "../../../models/package/bounds.ts";
import { verifyPackage } from "../../../models/package/verify.ts";
import { tinyLeNet, tinyModel } from "../../reference/tiny_models.ts";

/** A convolution whose plan takes about all the work that `verifyPackage` lets in. */
function largeMap() {
  const { manifest, tensors } = tinyModel(31, [1, 6, 6], [
    { kind: "convolution", channels: 1, kernel: [3, 3] },
  ]);
  const [round] = manifest.rounds, [term] = round.terms;
  assert(term.kind === "convolution");
  const large = new Map(tensors)
    .set(term.weights, {
      shape: [1, 1, 7, 7],
      data: new Int32Array(49).fill(1),
    })
    .set(round.bias, { shape: [1], data: new Int32Array(1) });
  const shape = [1, 256, 256];
  const inputShape: typeof term.inputShape = [1, 262, 262];
  const widened = {
    ...round,
    outputShape: shape,
    steps: [],
    terms: [{
      ...term,
      inputShape,
      kernel: [7, 7] as [number, number],
    }],
  };
  const model = {
    manifest: {
      ...manifest,
      privacy: "standard" as const,
      reveal: "scores" as const,
      inputs: [{ ...manifest.inputs[0], shape: inputShape }],
      rounds: [{ ...widened, bound: accumulatorBound(widened, large) }],
      outputs: [{
        ...manifest.outputs[0],
        tensor: round.writes,
        shape,
        labels: null,
      }],
    },
    tensors: large,
  };
  verifyPackage(model);
  return model;
}

Deno.test("while a large model is planned, the event loop runs", async () => {
  const model = largeMap();
  let ticks = 0;
  const timer = setInterval(() => ticks++, 0);
  const prepared = new PreparedModels(new Uint8Array(32));
  const options = { modulusBits: 2048, samples: 1 };
  const both = await Promise.all([
    prepared.get(model, options),
    prepared.get(model, options),
  ]);
  clearInterval(timer);
  // It takes hundreds of milliseconds, and a slice 20.
  assert(ticks >= 5, `${ticks}`);
  assert.equal(both[0], both[1]);
});

Deno.test("refuses by name, each time, a model that does not fit a key", async () => {
  const prepared = new PreparedModels(new Uint8Array(32));
  for (let i = 0; i < 2; i++) {
    await assert.rejects(
      prepared.get(tinyLeNet(), { modulusBits: 512, samples: 4096 }),
      {
        code: "unsupported",
        message: /^Cannot plan round ".+": expected at most/,
      },
    );
  }
});
