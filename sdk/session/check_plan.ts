import { shapeAfter } from "../activations/apply.ts";
import { CipherlayerError } from "../support/errors.ts";
import { elementCount } from "../fixed_point/integer_tensor.ts";
import {
  answerCiphertexts,
  blockSlots,
  headroomBits,
  inputCiphertexts,
  usedSlots,
} from "../fixed_point/layout.ts";
import type {
  EdgeStep,
  InferencePlan,
  RoundLayout,
  RoundPlan,
} from "../wire/plan.ts";

/** Largest body of a round that an edge agrees to, in bytes. */
const maxRoundBytes = 2 ** 29;
/** Largest tensor, in elements over all samples. */
const maxElements = 2 ** 26;
/** Most additions or comparisons of a pooling step. */
const maxPoolingWork = 2 ** 31;
const maxShards = 64;

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
  expected: { samples: number; modulusBits: number },
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
    checkElements(last, samples, where);
    for (const step of round.steps) {
      last = stepShape(step, last, where);
      checkElements(last, samples, where);
      if ("kernel" in step) {
        const work = elementCount(last) * elementCount(step.kernel) * samples;
        if (work > maxPoolingWork) {
          refuse(`${where} to pool in ${maxPoolingWork} steps`, `${work}`);
        }
      }
    }
    shapes.set(round.writes, last);
  }
  const { shape, labels, reveal } = plan.output;
  const expectedShape = reveal === "label" ? [1] : shape;
  if (elementCount(expectedShape) !== elementCount(last)) {
    refuse(`an output of shape [${expectedShape}]`, `[${last}]`);
  }
  if (labels && labels.length !== elementCount(shape)) {
    refuse(`${elementCount(shape)} labels`, `${labels.length}`);
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
    const length = "length" in input ? input.length : elementCount(input.shape);
    if (elementCount(shape) !== length) {
      refuse(`${where} to read ${elementCount(shape)} elements`, `${length}`);
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
  if (shards > Math.min(answers, maxShards)) {
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
  if (!(bytes <= maxRoundBytes)) {
    refuse(`${where} of at most ${maxRoundBytes} bytes`, `${bytes}`);
  }
  if (layout.kind === "spatial") {
    const [, height, width] = layout.output;
    const { tile, grid } = layout;
    if (tile[0] * grid[0] < height || tile[1] * grid[1] < width) {
      refuse(`${where}'s tiles to cover ${height}x${width}`, "fewer");
    }
  }
}

function checkElements(shape: number[], samples: number, where: string): void {
  if (elementCount(shape) * samples > maxElements) {
    refuse(`${where} of at most ${maxElements} elements`, `[${shape}]`);
  }
}

function accumulatorShape(layout: RoundLayout): number[] {
  return layout.kind === "spatial" ? layout.output : [layout.outputLength];
}

function stepShape(step: EdgeStep, shape: number[], where: string): number[] {
  let after: number[];
  try {
    after = shapeAfter(step, shape);
  } catch {
    refuse(`${where} to fit shape [${shape}]`, `step ${step.op}`);
  }
  if (elementCount(after) < 1) {
    refuse(`${where}'s windows to fit [${shape}]`, "larger ones");
  }
  return after;
}

function refuse(expected: string, got: string): never {
  throw new CipherlayerError(
    "malformed",
    `Cannot use the plan: expected ${expected}, got ${got}`,
  );
}
