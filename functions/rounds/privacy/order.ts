/**
 * Fresh channel orders: the gateway sees the outputs of a hidden round in an order
 * drawn for this request, along axes that every reader can undo.
 *
 * @module
 */
import { outputTensors } from "../../../sdk/wire/check_interface.ts";
import { namesPlaces, operandOf } from "../../../sdk/activations/operands.ts";
import { gcd } from "../../../sdk/support/numbers.ts";
import type { GatewayStep, InferencePlan } from "../../../sdk/wire/plan.ts";
import type { Order } from "../arithmetic/order.ts";
import { seedSources, uniformBelow, uniformBytes } from "./seed.ts";

/**
 * Equal blocks ("units") of round `round`'s output that may trade places: as many
 * as its own channels, the channels of every step that works by channel, and the
 * channels of every reader allow. 1 where nothing may move, as in what outputs are
 * part of, whose elements have names.
 */
export function orderUnits(plan: InferencePlan, round: number): number {
  const { layout, steps, writes } = plan.rounds[round];
  if (outputTensors(plan).has(writes)) return 1;
  let shape = layout.kind === "dense" ? [layout.outputLength] : layout.output;
  let units = shape[0];
  for (const step of steps) {
    if (
      step.op === "sumPool" || step.op === "meanPool" || step.op === "maxPool"
    ) {
      units = gcd(units, shape[0]);
    }
    // These take elements from the places that the plan names.
    if (namesPlaces(step)) return 1;
    // The plan names each channel's slope: channels cannot trade places.
    if (step.op === "leakyRelu" && step.negative.length > 1) return 1;
    shape = shapeAfterReshape(step, shape);
  }
  for (const reader of plan.rounds.slice(round + 1)) {
    if (reader.steps.some((step) => operandOf(step) === writes)) return 1;
    for (const input of reader.layout.inputs) {
      if (input.tensor !== writes) continue;
      units = gcd(units, "length" in input ? input.length : input.shape[0]);
    }
  }
  return units;
}

/** The permutation of `units` that `seed` stands for (Fisher and Yates). */
export async function drawOrder(
  seed: Uint8Array,
  units: number,
): Promise<Order> {
  const bytes = units * uniformBytes(32);
  const [random] = await seedSources(seed, "order", { from: 0, to: 1 }, bytes);
  const order = Uint32Array.from({ length: units }, (_, i) => i);
  for (let i = units - 1; i > 0; i--) {
    const j = Number(uniformBelow(BigInt(i + 1), random));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Only the leading extent counts here: pools leave it, a reshape states it. */
function shapeAfterReshape(step: GatewayStep, shape: number[]): number[] {
  return step.op === "reshape" ? step.shape : shape;
}
