/**
 * Other steps that give the same integers with fewer gates.
 *
 * @module
 */
import type { GatewayStep } from "../../wire/plan.ts";

type Requantise = Extract<GatewayStep, { op: "requantise" }>;

/** Steps equal to `steps` on all integers: no relu that a clamp does as well, maxima of scaled integers. */
export const simplify = (steps: readonly GatewayStep[]): GatewayStep[] =>
  poolingLast(withoutRelu(steps));

/**
 * What a round's accumulators carry beside themselves when its steps begin, so that a
 * first scaling by a power of two rounds without a gate. The functions add it for nothing.
 *
 * @param valueBits of the accumulators, the addend included
 */
export function roundingOf(
  steps: readonly GatewayStep[],
  valueBits: number,
): number {
  const first = simplify(steps).find(({ op }) => op !== "reshape");
  const half = first ? roundingBefore(first) : 0;
  return half <= 2 ** (valueBits - 2) ? half : 0;
}

/** What added beforehand rounds a scaling by a power of two; 0 for other steps. */
export function roundingBefore(step: GatewayStep): number {
  if (step.op !== "requantise" || !isPowerOfTwo(step.multiplier)) return 0;
  const half = 2 ** (step.shift - 1) / step.multiplier;
  return half >= 1 ? half : 0;
}

/** Whether it scales by shifts alone. */
export const isPowerOfTwo = (multiplier: number): boolean =>
  multiplier >= 1 && Number.isInteger(Math.log2(multiplier));

const keepsOrder = ({ op }: GatewayStep): boolean =>
  op === "relu" || op === "maxPool" || op === "reshape" || op === "transpose";

/** Leaves out each relu after which a step holds what becomes of 0 at 0 or above. */
const withoutRelu = (steps: readonly GatewayStep[]): GatewayStep[] =>
  steps.filter(({ op }, i) => {
    if (op !== "relu") return true;
    const next = steps.slice(i + 1).find((step) => !keepsOrder(step));
    const isScaled = next?.op === "requantise" || next?.op === "lookup";
    return !(isScaled && next.multiplier > 0 && next.low >= 0);
  });

/** Takes each maximum of integers that are shifted already: they are narrower. */
function poolingLast(steps: readonly GatewayStep[]): GatewayStep[] {
  const moved = [...steps];
  for (let end = moved.length - 2; end >= 0; end--) {
    for (let i = end; i + 1 < moved.length; i++) {
      const [step, next] = moved.slice(i, i + 2);
      if (step.op !== "maxPool" || !shiftsAndKeepsZero(next)) break;
      moved.splice(i, 2, next, step);
    }
  }
  return moved;
}

/** 0 is what a window gives that lies wholly in the padding. */
const shiftsAndKeepsZero = (step: GatewayStep): step is Requantise =>
  step.op === "requantise" && isPowerOfTwo(step.multiplier) &&
  step.low <= 0 && step.high >= 0;
