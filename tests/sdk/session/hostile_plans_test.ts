/** Plans and answers of a hostile cloud: what the gateway sends tells no plaintext. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { shapeAfter } from "../../../sdk/activations/apply.ts";
import { elementCount } from "../../../sdk/fixed_point/integer_tensor.ts";
import { answerCiphertexts } from "../../../sdk/fixed_point/layout.ts";
import { PaillierEngine } from "../../../sdk/paillier/private/paillier_engine.ts";
import { checkPlan } from "../../../sdk/session/check_plan.ts";
import { runInference } from "../../../sdk/session/inference.ts";
import { ReleaseGrid } from "../../../sdk/session/release_grid.ts";
import { platformClock } from "../../../sdk/support/clock.ts";
import {
  decodeRoundRequest,
  encodeRoundResponse,
} from "../../../sdk/wire/codec.ts";
import {
  type DenseLayout,
  type GatewayStep,
  type InferencePlan,
  planFormat,
  type RoundLayout,
  type RoundPlan,
  type SpatialLayout,
} from "../../../sdk/wire/plan.ts";
import { seededIntegers } from "../../reference/tiny_models.ts";
import { testKey } from "../../vectors/keys.ts";
import { inputActivations } from "../../../sdk/fixed_point/quantise.ts";
import { multipliesByPowersOfTwo } from "../../../sdk/wire/check_interface.ts";
import { plainInput, plainOutput } from "../../reference/values.ts";

const seed = 20_261_129;
const samples = 1, modulusBits = 512;
const activations = new Map<string, (x: number) => number>([
  ["half", (x) => x / 2],
  ["throws", (x) => {
    if (x !== 0) throw new Error("not this one");
    return 0;
  }],
  ["nonsense", (x) => x > 0 ? NaN : x < 0 ? "text" as unknown as number : 0],
]);

type Random = ReturnType<typeof seededIntegers>;

/** Sensible steps, and some in ten that must be refused. */
function randomStep(
  random: Random,
  shape: number[],
  known: Map<string, number[]>,
): GatewayStep {
  if (random(0, 2) === 0) return randomJoin(random, shape, known);
  const bad = random(0, 19) === 0;
  const multiplier = random(-(2 ** random(1, 30)), 2 ** random(1, 30));
  const shift = random(0, 30);
  switch (random(0, 8)) {
    case 0:
      return { op: "relu" };
    case 8:
      return {
        op: "sumPool",
        kernel: [random(1, bad ? 9 : 2), 1],
        stride: [1, random(1, 2)],
        pads: [0, random(0, 1), random(0, 1), 0],
      };
    case 1:
      return {
        op: "leakyRelu",
        positive: 2 ** random(0, bad ? 24 : 3),
        negative: [random(-9, 9)],
      };
    case 2:
    case 3:
      return {
        op: "requantise",
        multiplier,
        shift,
        low: bad ? 9 : -random(0, 2 ** 20),
        high: random(0, 8),
      };
    case 4: {
      const length = bad ? 0 : random(1, 9);
      const table = Array.from({ length }, () => random(-(2 ** 30), 2 ** 30));
      return { op: "lookup", multiplier, shift, low: random(-9, 9), table };
    }
    case 5:
      return random(0, 1) ? { op: "selectLargest" } : { op: "isNonNegative" };
    default:
      return {
        op: "custom",
        name: ["half", "throws", "nonsense"][random(0, 2)],
        inputScale: bad ? 0 : [1, 1e-300, 1e300][random(0, 2)],
        outputScale: random(0, 19) === 0 ? 0 : [1, 1e-300, -0.5][random(0, 2)],
        low: -(2 ** random(0, 52)),
        high: 2 ** random(0, 52),
      };
  }
}

/** Steps that keep, take or join activations, and some that must be refused. */
function randomJoin(
  random: Random,
  shape: number[],
  known: Map<string, number[]>,
): GatewayStep {
  const names = [...known.keys()];
  const bad = random(0, 19) === 0;
  const name = bad ? "unknown" : names[random(0, names.length - 1)];
  const other = known.get(name) ?? [1], size = elementCount(other);
  const mine = [elementCount(shape)];
  // A column beside a row fits whatever the lengths are.
  const beside = { shape: [...mine, 1], withShape: [1, size] };
  const shapes = {
    with: name,
    ...(bad ? { shape, withShape: other } : beside),
  };
  switch (random(0, 9)) {
    case 0:
    case 1:
      return { op: "keep", as: bad ? names[0] : `k${known.size}` };
    case 2: {
      const start = random(0, bad ? size : size - 1);
      return {
        op: "take",
        from: name,
        start,
        shape: [random(1, size - start)],
      };
    }
    case 3:
      return {
        op: "combine",
        by: "sum",
        ...shapes,
        factors: [random(-9, 9), random(-(2 ** 30), 2 ** 30)],
      };
    case 4:
      return { op: "combine", by: "product", ...shapes };
    case 5: {
      const multiplier = random(-(2 ** 20), 2 ** 20);
      return { op: "combine", by: "quotient", ...shapes, multiplier };
    }
    case 6:
    case 7:
      return { op: "matmul", ...shapes };
    case 8: {
      const by = (["sum", "max", "min"] as const)[random(0, 2)];
      return { op: "reduce", by, shape, axes: [random(0, bad ? 7 : 0)] };
    }
    default:
      return { op: "squareRoot", addend: random(0, 2 ** random(0, 50)) };
  }
}

/** A layout that reads `tensor` of this shape, dense or spatial, and what it gives. */
function randomLayout(
  random: Random,
  tensor: string,
  shape: number[],
): { layout: RoundLayout; gives: number[] } {
  const slotBits = random(2, random(0, 9) === 0 ? 64 : 53);
  if (shape.length === 1 || random(0, 2) === 0) {
    const length = elementCount(shape);
    const outputLength = random(1, 4);
    const layout: DenseLayout = {
      kind: "dense",
      samples,
      fold: random(1, 2),
      inputs: [{ tensor, length }],
      outputLength,
      slotBits,
      guardBits: random(0, 1) as 0 | 1,
      valuesPerCiphertext: random(1, 3),
    };
    return { layout, gives: [outputLength] };
  }
  const [channels, height, width] = shape;
  const output: [number, number, number] = [
    random(1, 2),
    random(1, 3),
    random(1, 3),
  ];
  const tile: [number, number] = [
    random(1, Math.min(2, output[1])),
    random(1, Math.min(2, output[2])),
  ];
  // Mostly tiles that cover the output, some too many, some too few.
  const grid: [number, number] = [
    Math.ceil(output[1] / tile[0]) + (random(0, 9) === 0 ? 1 : 0),
    Math.max(1, Math.ceil(output[2] / tile[1]) - (random(0, 19) ? 0 : 1)),
  ];
  const step: [number, number] = [random(1, 3), random(1, 3)];
  // Where one tile, if not the first, meets the tensor; now and then none.
  const offsetOf = (axis: 0 | 1, extent: number) =>
    random(0, 39) === 0
      ? extent
      : random(0, extent - 1) - step[axis] * random(0, grid[axis] - 1);
  const offsets = Array.from(
    { length: random(1, 2) },
    (): [number, number] => [offsetOf(0, height), offsetOf(1, width)],
  );
  // Now and then two stay that are the same.
  if (`${offsets[0]}` === `${offsets[1]}` && random(0, 19) > 0) offsets.pop();
  const layout: SpatialLayout = {
    kind: "spatial",
    samples,
    tile,
    grid,
    inputs: [{
      tensor,
      shape: [channels, height, width],
      step,
      offsets,
    }],
    output,
    slotBits: random(2, 40),
    valuesPerCiphertext: 1,
  };
  return { layout, gives: output };
}

function randomPlan(random: Random): InferencePlan {
  const input = random(0, 2) === 0
    ? [random(1, 3)]
    : [random(1, 2), random(1, 3), random(1, 3)];
  const rounds: RoundPlan[] = [];
  let tensor = "input", shape = input;
  const known = new Map([[tensor, shape]]);
  for (let left = random(2, 4); left > 0; left--) {
    const { layout, gives } = randomLayout(random, tensor, shape);
    const steps: GatewayStep[] = [];
    shape = gives;
    for (let more = random(0, 5); more > 0; more--) {
      const step = randomStep(random, shape, known);
      steps.push(step);
      try {
        shape = shapeAfter(step, shape);
      } catch {
        break;
      }
      if (step.op === "keep") known.set(step.as, shape);
    }
    tensor = `a${rounds.length}`;
    known.set(tensor, shape);
    rounds.push({ layout, steps, writes: tensor, shards: 1 });
  }
  return {
    format: planFormat,
    samples,
    inputs: [plainInput(input, { low: -9, high: 9 })],
    rounds,
    outputs: [plainOutput(shape, rounds[rounds.length - 1].writes)],
    states: [],
    reveal: "scores",
    powerOfTwo: multipliesByPowersOfTwo(rounds),
  };
}

function isAccepted(plan: InferencePlan): boolean {
  try {
    checkPlan(plan, { samples, modulusBits });
    return true;
  } catch {
    return false;
  }
}

/** What the gateway sends where the cloud answers with encryptions of `plaintext()`. */
async function requestsOf(
  owner: PaillierEngine,
  plan: InferencePlan,
  plaintext: () => bigint,
) {
  const requests: string[] = [];
  const result = await runInference(
    {
      plan,
      owner,
      activations,
      clock: platformClock,
      grid: new ReleaseGrid(platformClock, 0),
      onState: () => {},
      onRound: () => {},
      post: async (path, body) => {
        requests.push(`${path} ${body.length}`);
        decodeRoundRequest(body);
        const { layout } = plan.rounds[requests.length - 1];
        const plaintexts = Array.from(
          { length: answerCiphertexts(layout) },
          plaintext,
        );
        const isLast = requests.length === plan.rounds.length;
        return {
          evaluateMs: null,
          body: encodeRoundResponse({
            token: new Uint8Array(isLast ? 0 : 9),
            ciphertexts: await owner.encryptBatch(plaintexts),
          }),
        };
      },
    },
    inputActivations(
      [new Float64Array(elementCount(plan.inputs[0].shape)).fill(3)],
      plan.inputs,
    ),
    new Uint8Array(9),
  );
  return { requests, ...result };
}

Deno.test("requests equal those for zeros, whatever plan and plaintexts the cloud chooses", async () => {
  using owner = new PaillierEngine(testKey(modulusBits), {
    threads: 0,
    tableWindowBits: 4,
  });
  const { modulus } = owner.publicKey;
  const random = seededIntegers(seed);
  const anyPlaintext = () => {
    let value = 0n;
    for (let word = 0; word < 17; word++) {
      value = value << 32n | BigInt(random(0, 2 ** 32 - 1));
    }
    return [value % modulus, 0n, 1n, modulus - 1n, modulus / 2n][random(0, 4)];
  };
  let tried = 0, accepted = 0, spatial = 0, clamping = 0, faulty = 0;
  const joined = new Set<string>();
  while (accepted < 150) {
    const plan = randomPlan(random);
    tried++;
    if (!isAccepted(plan)) continue;
    accepted++;
    const zeros = await requestsOf(owner, plan, () => 0n);
    const others = await requestsOf(owner, plan, anyPlaintext);
    deepEqual(others.requests, zeros.requests, JSON.stringify(plan));
    equal(others.requests.length, plan.rounds.length);
    for (const { activations } of [others, zeros]) {
      const { samples: [values] } = activations.get(plan.outputs[0].tensor)!;
      ok(values.every((value) => Math.abs(value) <= 2 ** 52));
    }
    for (const step of plan.rounds.flatMap(({ steps }) => steps)) {
      joined.add("by" in step ? `${step.op} ${step.by}` : step.op);
    }
    if (others.clampedValues > 0) clamping++;
    if (others.fault) faulty++;
    if (plan.rounds.some(({ layout }) => layout.kind === "spatial")) spatial++;
  }
  const share = (part: number, of: number) =>
    `${Math.round(100 * part / of)} %`;
  console.log(
    `hostile plans: ${share(accepted, tried)} of ${tried} accepted; of these ${
      share(spatial, accepted)
    } are spatial, ${share(clamping, accepted)} clamp, ${
      share(faulty, accepted)
    } have a custom step that fails`,
  );
  ok(clamping >= 0.3 * accepted && faulty >= 0.1 * accepted);
  ok(spatial >= 0.2 * accepted);
  for (
    const step of [
      ...["keep", "take", "matmul", "squareRoot", "combine sum"],
      ...["combine product", "combine quotient"],
      ...["reduce sum", "reduce max", "reduce min"],
    ]
  ) ok(joined.has(step), `no plan with ${step}`);
});
