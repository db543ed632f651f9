import assert from "node:assert/strict";
import {
  elementwiseCounts,
  elementwiseSeconds,
} from "../../../bench/compare/reference/elementwise.ts";
import {
  type ConvolutionTerm,
  type DenseTerm,
  type Manifest,
  packageFormat,
  type RoundSpec,
} from "../../../models/package/format.ts";
import { plainInput, plainOutput } from "../../reference/values.ts";

/** The paper's MNIST network as far as shapes go. */
function lenetShapes(): Manifest {
  const convolution = (
    inputShape: [number, number, number],
  ): ConvolutionTerm => ({
    kind: "convolution",
    reads: "",
    inputShape,
    low: 0,
    high: 63,
    weights: "",
    kernel: [3, 3],
    stride: [1, 1],
    dilation: [1, 1],
    pads: [0, 0, 0, 0],
    groups: 1,
  });
  const dense = (length: number): DenseTerm => ({
    kind: "dense",
    reads: "",
    length,
    low: 0,
    high: 63,
    weights: "",
  });
  const round = (
    term: ConvolutionTerm | DenseTerm,
    outputShape: number[],
  ): RoundSpec => ({
    name: "",
    terms: [term],
    outputShape,
    bias: "",
    bound: 1,
    steps: [],
    writes: "",
  });
  return {
    format: packageFormat,
    name: "lenet",
    version: "1",
    inputs: [plainInput([1, 28, 28], { low: 0, high: 63 })],
    rounds: [
      round(convolution([1, 28, 28]), [20, 26, 26]),
      round(convolution([20, 13, 13]), [50, 11, 11]),
      round(dense(1250), [500]),
      round(dense(500), [10]),
    ],
    outputs: [plainOutput([10], "")],
    states: [],
    powerOfTwo: true,
    privacy: "standard",
    reveal: "scores",
    provenance: {},
    files: {},
  };
}

Deno.test("the paper's network costs 20,854 encryptions, 20,080 decryptions and 1.84 million multiply-adds element by element", () => {
  assert.deepEqual(elementwiseCounts(lenetShapes()), {
    encryptions: 20_854,
    decryptions: 20_080,
    multiplyAdds: 1_840_680,
  });
});

Deno.test("computes seconds as counts times costs", () => {
  const counts = { encryptions: 3, decryptions: 5, multiplyAdds: 7 };
  const costs = {
    encrypt: 100,
    decrypt: 10,
    multiplyFixed: 1,
    multiplyFloat: 4,
    add: 0.5,
  };
  assert.equal(elementwiseSeconds(counts, costs, "fixed"), 360.5);
  assert.equal(elementwiseSeconds(counts, costs, "float"), 381.5);
});
