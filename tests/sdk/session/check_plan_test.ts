import { doesNotThrow, equal, throws } from "node:assert/strict";
import { checkPlan } from "../../../sdk/session/check_plan.ts";
import {
  type DenseLayout,
  type GatewayStep,
  type InferencePlan,
  planFormat,
  type RoundPlan,
  type SpatialLayout,
} from "../../../sdk/wire/plan.ts";
import { plainInput, plainOutput } from "../../reference/values.ts";

const expected = { samples: 2, modulusBits: 512 };

/** A plan that makes sense: 1x6x6 -> convolution 2x4x4 -> pool 2x2x2 -> dense 3. */
function goodPlan() {
  const convolution: SpatialLayout = {
    kind: "spatial",
    samples: 2,
    tile: [2, 2],
    grid: [2, 2],
    inputs: [{
      tensor: "input",
      shape: [1, 6, 6],
      step: [2, 2],
      offsets: [[0, 0], [0, 1], [1, 0], [1, 1]],
    }],
    output: [2, 4, 4],
    slotBits: 12,
    valuesPerCiphertext: 2,
  };
  const dense: DenseLayout = {
    kind: "dense",
    samples: 2,
    fold: 1,
    inputs: [{ tensor: "a0", length: 8 }],
    outputLength: 3,
    slotBits: 14,
    guardBits: 0,
    valuesPerCiphertext: 3,
  };
  const first: RoundPlan = {
    layout: convolution,
    steps: [
      { op: "relu" },
      { op: "sumPool", kernel: [2, 2], stride: [2, 2], pads: [0, 0, 0, 0] },
      { op: "requantise", multiplier: 1, shift: 4, low: 0, high: 31 },
    ],
    writes: "a0",
    shards: 2,
  };
  const second: RoundPlan = {
    layout: dense,
    steps: [],
    writes: "scores",
    shards: 1,
  };
  const plan: InferencePlan = {
    format: planFormat,
    samples: 2,
    inputs: [plainInput([1, 6, 6], { low: 0, high: 31 })],
    rounds: [first, second],
    outputs: [{ ...plainOutput([3], "scores"), labels: ["a", "b", "c"] }],
    states: [],
    reveal: "scores",
    powerOfTwo: true,
  };
  return { plan, first, second, convolution, dense };
}

Deno.test("accepts a plan that makes sense", () => {
  doesNotThrow(() => checkPlan(goodPlan().plan, expected));
});

const faults: Record<
  string,
  [(good: ReturnType<typeof goodPlan>) => void, RegExp]
> = {
  "other number of samples": [
    ({ plan }) => plan.samples = 3,
    /expected 2 samples, got 3/,
  ],
  "other number of samples in a round": [
    ({ dense }) => dense.samples = 1,
    /round 1 to pack 2 samples, got 1/,
  ],
  "no rounds": [({ plan }) => plan.rounds = [], /at least one round/],
  "a tensor that does not exist": [
    ({ dense }) => dense.inputs[0].tensor = "b7",
    /round 1 to read earlier tensors, got "b7"/,
  ],
  "a tensor of a later round": [
    ({ convolution }) => convolution.inputs[0].tensor = "scores",
    /round 0 to read earlier tensors/,
  ],
  "a tensor of another size": [
    ({ dense }) => dense.inputs[0].length = 9,
    /round 1 to read 8 elements, got 9/,
  ],
  "slots beyond the modulus": [
    ({ dense }) => dense.slotBits = 75,
    /round 1 to fit 446 bits, got 6 slots of 75/,
  ],
  "more shards than answers": [
    ({ second }) => second.shards = 2,
    /round 1 in at most 1 shards, got 2/,
  ],
  "tiles that leave outputs out": [
    ({ convolution }) => convolution.grid = [1, 2],
    /round 0's tiles to cover 4x4/,
  ],
  "more tiles than cover the output": [
    ({ convolution }) => convolution.grid = [2, 3],
    /round 0's tiles to end with 4x4, got larger ones/,
  ],
  "tiles larger than the output": [
    ({ convolution }) => {
      convolution.tile = [2, 5];
      convolution.grid = [2, 1];
    },
    /round 0's tiles to end with 4x4, got larger ones/,
  ],
  "tiles larger than they need be": [
    ({ convolution, first }) => {
      convolution.output = [2, 4, 9];
      convolution.tile = [2, 4];
      convolution.grid = [2, 3];
      first.steps = [];
    },
    /round 0's tiles to end with 4x9, got larger ones/,
  ],
  "an offset below the picture": [
    ({ convolution }) => convolution.inputs[0].offsets[3] = [6, 0],
    /round 0 to read "input", got offset \[6,0\]/,
  ],
  "an offset left of the picture for the last tile too": [
    ({ convolution }) => convolution.inputs[0].offsets[3] = [0, -3],
    /round 0 to read "input", got offset \[0,-3\]/,
  ],
  "an offset whose tiles step over the picture": [
    ({ convolution }) => {
      convolution.inputs[0].step = [9, 2];
      convolution.inputs[0].offsets[3] = [-1, 0];
    },
    /round 0 to read "input", got offset \[-1,0\]/,
  ],
  "more ciphertexts than memory holds": [
    ({ convolution }) => {
      convolution.inputs[0].offsets = Array.from(
        { length: 2 ** 16 },
        () => [0, 0],
      );
      convolution.inputs = Array.from(
        { length: 100 },
        () => convolution.inputs[0],
      );
    },
    /round 0 of at most 536870912 bytes/,
  ],
  "windows larger than the image": [
    ({ first }) =>
      first.steps[1] = {
        op: "sumPool",
        kernel: [9, 9],
        stride: [2, 2],
        pads: [0, 0, 0, 0],
      },
    /round 0's windows to fit/,
  ],
  "windows that take for ever": [
    ({ first }) => {
      const side = 2 ** 20;
      first.steps[1] = {
        op: "sumPool",
        kernel: [side, side],
        stride: [1, 1],
        pads: [side, side, 0, 0],
      };
    },
    /round 0 to pool in 2147483648 steps/,
  ],
  "outputs beyond memory": [
    ({ convolution }) => {
      convolution.output = [2 ** 14, 2 ** 12, 2 ** 12];
      convolution.tile = [2 ** 11, 2 ** 11];
    },
    /round 0 of at most \d+ (bytes|elements)/,
  ],
  "a reshape to another size": [
    ({ second }) => second.steps = [{ op: "reshape", shape: [4] }],
    /round 1 to fit shape \[3\], got step reshape/,
  ],
  "pooling of a vector": [
    ({ first, second }) => second.steps = [first.steps[1]],
    /round 1 to fit shape \[3\], got step sumPool/,
  ],
  "slopes that leave 2^52, step by step": [
    ({ first }) =>
      first.steps = Array.from(
        { length: 50 },
        () => ({ op: "leakyRelu", positive: 2 ** 24, negative: [0] }),
      ),
    /round 0's step leakyRelu to stay within 2\^52/,
  ],
  "slots that no number holds": [
    ({ dense }) => {
      dense.slotBits = 54;
      dense.valuesPerCiphertext = 1;
    },
    /round 1's slots of at most 53 bits, got 54/,
  ],
  "an output scale of zero in a custom step": [
    ({ second }) =>
      second.steps = [{
        op: "custom",
        name: "f",
        inputScale: 1,
        outputScale: 0,
        low: 0,
        high: 1,
      }],
    /step custom to make sense, got expected a scale other than zero, got 0/,
  ],
  "an empty table": [
    ({ second }) =>
      second.steps = [{
        op: "lookup",
        multiplier: 1,
        shift: 0,
        low: 0,
        table: [],
      }],
    /step lookup to make sense, got expected a table/,
  ],
  "a range whose ends are exchanged": [
    ({ second }) =>
      second.steps = [{
        op: "requantise",
        multiplier: 1,
        shift: 0,
        low: 1,
        high: 0,
      }],
    /step requantise to make sense, got expected low <= high/,
  ],
  "a reading beyond 2^52": [
    ({ plan }) => plan.inputs[0].high = 2 ** 53,
    /input "input" to stay within 2\^52/,
  ],
  "an input scale of zero": [
    ({ plan }) => plan.inputs[0].scale = [0],
    /expected a scale other than zero, got 0/,
  ],
  "an offset that is read twice": [
    ({ convolution }) => convolution.inputs[0].offsets[1] = [0, 0],
    /round 0 to read "input" once at an offset, got it twice/,
  ],
  "an activation that many terms read": [
    ({ second, dense }) => {
      dense.inputs = Array(9).fill({ tensor: "a0", length: 8 });
      second.layout = dense;
    },
    /round 1 to read "a0" at most 8 times, got more/,
  ],
  "more elements than memory is lent": [
    ({ first }) =>
      first.steps = [{
        op: "sumPool",
        kernel: [1, 1],
        stride: [1, 1],
        pads: [0, 0, 2 ** 11, 2 ** 11],
      }],
    /round 0 of at most 4194304 elements/,
  ],
  "more operations than are lent, no step of which takes too many": [
    ({ first }) =>
      first.steps = Array.from({ length: 3 }, () => ({
        op: "maxPool",
        kernel: [2 ** 12, 2 ** 12],
        stride: [1, 1],
        dilation: [1, 1],
        pads: [2 ** 11, 2 ** 11, 2 ** 11 - 1, 2 ** 11 - 1],
      })),
    /all rounds within 2147483648 operations, got more by round 0/,
  ],
  "an output of another size": [
    ({ plan }) => plan.outputs[0] = plainOutput([4], "scores"),
    /output "scores" of \[4\] from 0 on within 3 elements/,
  ],
  "no input": [({ plan }) => plan.inputs = [], /expected an input, got none/],
  "two inputs of one name": [
    ({ plan }) => plan.inputs.push(plan.inputs[0]),
    /different names of inputs, got "input" twice/,
  ],
  "scales of another number": [
    ({ plan }) => plan.inputs[0].scale = [1, 1],
    /input "input" of shape \[1,6,6\] to have 1 or 36 labels, units or scales, got 2/,
  ],
  "scales without offsets": [
    ({ plan }) => plan.inputs[0].offset = [],
    /to have 1 labels, units or scales, got 0/,
  ],
  "values that are not finite": [
    ({ plan }) => plan.outputs[0].scale = [1e300],
    /output "scores" to stay finite/,
  ],
  "an output that no round writes": [
    ({ plan }) => plan.outputs[0].tensor = "input",
    /output "scores" to be part of an activation, got "input"/,
  ],
  "a state of another size": [
    ({ plan }) => plan.states = [{ input: "input", output: "scores" }],
    /state "input" of shape \[1,6,6\], got "scores" of \[3\]/,
  ],
  "a state of no input": [
    ({ plan }) => plan.states = [{ input: "x", output: "scores" }],
    /a state's input to be one, got "x"/,
  ],
  "a label of two outputs": [
    ({ plan }) => {
      plan.reveal = "label";
      plan.outputs.push({ ...plan.outputs[0], name: "other" });
    },
    /one output of one scale, and no states, of which to reveal a label, got 2/,
  ],
  "multipliers that are no powers of two, told to be": [
    ({ first }) =>
      first.steps[2] = {
        op: "requantise",
        multiplier: 3,
        shift: 4,
        low: 0,
        high: 31,
      },
    /expected multipliers of powers of two, got others/,
  ],
  "a step that reads no activation": [
    ({ first }) =>
      first.steps.push({ op: "take", from: "b", start: 0, shape: [1] }),
    /round 0's step take to read earlier tensors, got "b"/,
  ],
  "a step that reads what its own round writes": [
    ({ first }) =>
      first.steps.push({
        op: "take",
        from: first.writes,
        start: 0,
        shape: [1],
      }),
    /round 0's step take to read earlier tensors, got "a0"/,
  ],
  "an activation that is kept twice": [
    ({ first }) =>
      first.steps.push({ op: "keep", as: "k" }, { op: "keep", as: "k" }),
    /round 0 to write a new tensor, got "k"/,
  ],
  "an activation that is kept in place of an input": [
    ({ first }) => first.steps.push({ op: "keep", as: "input" }),
    /round 0 to write a new tensor, got "input"/,
  ],
  "products that repeat values without end": [
    ({ first }) => {
      for (let size = 8; size <= 2 ** 12; size *= size) {
        const name = `k${size}`;
        first.steps.push(
          { op: "keep", as: name },
          {
            op: "combine",
            by: "product",
            with: name,
            shape: [size, 1],
            withShape: [1, size],
          },
        );
      }
    },
    /round 0 of at most \d+ elements, got 167\d+/,
  ],
  "products beyond 2^52": [
    ({ first }) =>
      first.steps.push(
        { op: "requantise", multiplier: 1, shift: 1, low: 0, high: 2 ** 30 },
        { op: "keep", as: "k" },
        {
          op: "combine",
          by: "product",
          with: "k",
          shape: [8],
          withShape: [8],
        },
      ),
    /round 0's step combine to stay within 2\^52/,
  ],
  "a tensor that is written twice": [
    ({ second }) => second.writes = "a0",
    /round 1 to write a new tensor, got "a0"/,
  ],
  "a tensor in place of an input": [
    ({ second }) => second.writes = "input",
    /round 1 to write a new tensor, got "input"/,
  ],
  "an output's elements of one label": [
    ({ plan }) => plan.outputs[0].labels = ["a", "b", "a"],
    /expected different labels of output "scores", got "a" twice/,
  ],
  "an input's elements of one label": [
    ({ plan }) => plan.inputs[0].labels = Array(36).fill("a"),
    /expected different labels of input "input", got "a" twice/,
  ],
  "too few labels": [
    ({ plan }) => plan.outputs[0].labels = ["a"],
    /output "scores" of shape \[3\] to have 3 labels, units or scales, got 1/,
  ],
};

for (const [name, [spoil, message]] of Object.entries(faults)) {
  Deno.test(`a plan is refused: ${name}`, () => {
    const good = goodPlan();
    spoil(good);
    throws(
      () => checkPlan(good.plan, expected),
      { name: "CipherlayerError", code: "malformed", message },
    );
  });
}

Deno.test("a transpose counts for as much work as two reshapes", () => {
  const shape = [2, 2, 2];
  const work = (...steps: GatewayStep[]) => {
    const { plan, first } = goodPlan();
    first.steps.push(...steps);
    return plannedWork(plan);
  };
  const reshape: GatewayStep = { op: "reshape", shape };
  const transpose: GatewayStep = { op: "transpose", shape, order: [2, 0, 1] };
  const none = work();
  equal(work(reshape, reshape) - none, 2 * expected.samples * (8 + 8));
  equal(work(transpose), work(reshape, reshape));
});

Deno.test("matrix products count for as much work as their terms", () => {
  const work = (...steps: GatewayStep[]) => {
    const { plan, first } = goodPlan();
    first.steps.push(...steps);
    return plannedWork(plan);
  };
  const keep: GatewayStep = { op: "keep", as: "k" };
  const matmul: GatewayStep = {
    op: "matmul",
    with: "k",
    shape: [1, 8],
    withShape: [8, 1],
  };
  const back: GatewayStep = { op: "take", from: "k", start: 0, shape: [8] };
  const none = work(keep, back);
  // The take then reads one element, and the matrix product 8 and as many terms.
  equal(work(keep, matmul, back) - none, expected.samples * (8 + 8 + 1 - 8));
});

Deno.test("each ciphertext counts for as much work as 1024 numbers", () => {
  const { plan, dense } = goodPlan();
  const before = plannedWork(plan);
  dense.valuesPerCiphertext = 1;
  // Three answers of a value instead of one of three.
  equal(plannedWork(plan) - before, 2 * 1024);
});

Deno.test("offsets pass at which one tile meets the picture by a column", () => {
  const { plan, convolution } = goodPlan();
  convolution.inputs[0].offsets = [[-2, 0], [5, 5], [0, -2]];
  doesNotThrow(() => checkPlan(plan, expected));
});

/** The least limit of operations with which a plan passes. */
function plannedWork(plan: InferencePlan): number {
  let low = 0, high = 2 ** 31;
  while (low < high) {
    const operations = Math.floor((low + high) / 2);
    try {
      checkPlan(plan, { ...expected, limits: { operations } });
      high = operations;
    } catch {
      low = operations + 1;
    }
  }
  return low;
}

Deno.test("the application can raise and lower the limits", () => {
  const { plan } = goodPlan();
  throws(
    () => checkPlan(plan, { ...expected, limits: { operations: 100 } }),
    /all rounds within 100 operations/,
  );
  throws(
    () => checkPlan(plan, { ...expected, limits: { elementsPerSample: 67 } }),
    /round 0 of at most 67 elements, got 68/,
  );
  plan.inputs[0].shape = [1, 2 ** 11, 2 ** 12];
  plan.rounds[0].layout.inputs = [{
    tensor: "input",
    shape: [1, 2 ** 11, 2 ** 12],
    step: [2, 2],
    offsets: [[0, 0]],
  }];
  throws(() => checkPlan(plan, expected), /of at most 4194304 elements/);
  doesNotThrow(() =>
    checkPlan(plan, {
      ...expected,
      limits: { elementsPerSample: 2 ** 24, elements: 2 ** 25 },
    })
  );
});

Deno.test("each named output counts, though all are parts of one activation", () => {
  const { plan } = goodPlan();
  const [output] = plan.outputs;
  const outputs = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ ...output, name: `y${i}` }));
  const before = plannedWork(plan);
  plan.outputs = outputs(64);
  equal(plannedWork(plan) - before, expected.samples * 63 * 3);
  // 3 elements of the activation, and 64 lists of 3.
  const elementsPerSample = 3 + 64 * 3;
  const check = (elementsPerSample: number) =>
    checkPlan(plan, { ...expected, limits: { elementsPerSample } });
  doesNotThrow(() => check(elementsPerSample));
  throws(() => check(elementsPerSample - 1), {
    code: "malformed",
    message: /outputs of at most 194 elements, got 195/,
  });
  // Where the label alone is told, no list is made.
  const { plan: sealed } = goodPlan();
  for (const round of sealed.rounds) round.valueBits = 12;
  sealed.reveal = "label";
  equal(before - plannedWork(sealed), expected.samples * 3);
});

Deno.test("a plan of many rounds and names is refused in the memory of its names", () => {
  const { plan } = goodPlan();
  const [, dense] = plan.rounds;
  const layout = dense.layout as DenseLayout;
  // A set of names for each round, as once was made, would have 5 * 10^7 entries.
  plan.rounds = Array.from({ length: 1024 }, (_, i) => ({
    ...dense,
    writes: `w${i}`,
    layout: {
      ...layout,
      inputs: Array.from(
        { length: 100 },
        (_, k) => ({ tensor: `${i} ${k}`, length: 8 }),
      ),
    },
  }));
  throws(() => checkPlan(plan, expected), /round 0/);
});
