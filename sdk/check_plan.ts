import { CipherlayerError } from "./errors.ts";
import {
  answerCiphertexts,
  blockSlots,
  headroomBits,
  inputCiphertexts,
  usedSlots,
} from "./fixed_point/layout.ts";
import type {
  EdgeStep,
  InferencePlan,
  RoundLayout,
  RoundPlan,
} from "./wire/plan.ts";

/** Largest body of a round that an edge agrees to, in bytes. */
const mostRoundBytes = 2 ** 29;
/** Largest tensor, in elements over all samples. */
const mostElements = 2 ** 26;
const mostShards = 64;

/**
 * Checks that a plan makes sense before anything is encrypted: plans come from
 * a cloud that is not trusted, and a fault that showed only later could depend
 * on a reading. After this, shapes agree through the whole inference, every
 * tensor exists when it is read, slots fit the modulus, and memory is bounded.
 *
 * @throws {CipherlayerError} `malformed`
 */
export function checkPlan(
  plan: InferencePlan,
  expected: {
    samples: number;
    modulusBits: number;
    /** Names of the custom activations that are registered. */
    activations: ReadonlySet<string>;
  },
): void {
  const { samples, modulusBits } = expected;
  if (plan.samples !== samples) {
    refuse(`${samples} samples`, `${plan.samples}`);
  }
  if (plan.rounds.length === 0) refuse("at least one round", "none");
  const shapes = new Map([["input", plan.input.shape]]);
  let last: number[] = [];
  for (const [index, round] of plan.rounds.entries()) {
    const where = `round ${index}`;
    checkInputs(round.layout, shapes, where);
    checkSizes(round, samples, modulusBits, where);
    last = accumulatorShape(round.layout);
    for (const step of round.steps) {
      if (step.op === "custom" && !expected.activations.has(step.name)) {
        throw new CipherlayerError(
          "unsupported",
          `Cannot run the model: its activation "${step.name}" is not registered here`,
        );
      }
      last = stepShape(step, last, where);
      if (elements(last) * samples > mostElements) {
        refuse(`${where} of at most ${mostElements} elements`, "more");
      }
    }
    shapes.set(round.writes, last);
  }
  const { shape, labels } = plan.output;
  if (elements(shape) !== elements(last)) {
    refuse(`an output of shape [${shape}]`, `[${last}]`);
  }
  if (labels && labels.length !== elements(shape)) {
    refuse(`${elements(shape)} labels`, `${labels.length}`);
  }
}

function checkInputs(
  layout: RoundLayout,
  shapes: ReadonlyMap<string, number[]>,
  where: string,
): void {
  for (const input of layout.inputs) {
    const shape = shapes.get(input.tensor);
    if (!shape) {
      refuse(`${where} to read earlier tensors`, `"${input.tensor}"`);
    }
    const length = "length" in input ? input.length : elements(input.shape);
    if (elements(shape) !== length) {
      refuse(`${where} to read ${elements(shape)} elements`, `${length}`);
    }
  }
}

function checkSizes(
  { layout, shards }: RoundPlan,
  samples: number,
  modulusBits: number,
  where: string,
): void {
  if (layout.samples !== samples) {
    refuse(`${where} to pack ${samples} samples`, `${layout.samples}`);
  }
  const answers = answerCiphertexts(layout);
  if (shards > Math.min(answers, mostShards)) {
    refuse(`${where} in at most ${answers} shards`, `${shards}`);
  }
  const slots = Math.max(usedSlots(layout, 0), blockSlots(layout));
  if (slots * layout.slotBits > modulusBits - headroomBits) {
    refuse(
      `${where} to fit ${modulusBits - headroomBits} bits`,
      `${slots} slots of ${layout.slotBits}`,
    );
  }
  const bytes = Math.max(inputCiphertexts(layout), answers) * modulusBits / 4;
  if (!(bytes <= mostRoundBytes)) {
    refuse(`${where} of at most ${mostRoundBytes} bytes`, `${bytes}`);
  }
  if (layout.kind === "spatial") {
    const [, height, width] = layout.output;
    const { tile, grid } = layout;
    if (tile[0] * grid[0] < height || tile[1] * grid[1] < width) {
      refuse(`${where}'s tiles to cover ${height}x${width}`, "fewer");
    }
  }
}

function accumulatorShape(layout: RoundLayout): number[] {
  return layout.kind === "spatial" ? layout.output : [layout.outputLength];
}

function stepShape(step: EdgeStep, shape: number[], where: string): number[] {
  if (step.op === "reshape") {
    if (elements(step.shape) !== elements(shape)) {
      refuse(`${where} to reshape [${shape}]`, `to [${step.shape}]`);
    }
    return step.shape;
  }
  if (step.op !== "sumPool" && step.op !== "maxPool") return shape;
  if (shape.length !== 3) refuse(`${where} to pool images`, `[${shape}]`);
  const [channels, height, width] = shape;
  const [top, left, bottom, right] = step.pads;
  const dilation = step.op === "maxPool" ? step.dilation : [1, 1];
  const size = (axis: 0 | 1, padded: number) =>
    Math.floor(
      (padded - dilation[axis] * (step.kernel[axis] - 1) - 1) /
        step.stride[axis],
    ) + 1;
  const pooled = [
    channels,
    size(0, height + top + bottom),
    size(1, width + left + right),
  ];
  if (pooled[1] < 1 || pooled[2] < 1) {
    refuse(`${where}'s windows to fit ${height}x${width}`, "larger ones");
  }
  return pooled;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function refuse(expected: string, got: string): never {
  throw new CipherlayerError(
    "malformed",
    `Cannot use the plan: expected ${expected}, got ${got}`,
  );
}
