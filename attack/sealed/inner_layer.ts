/**
 * Weights of an inner layer from labels, in the manner of MUSE's and SEEK's attacks: all
 * of its activations but one are forced to 0, and the least shift of that one which
 * makes a chosen score the largest tells it; again with a shifted input it tells a weight.
 * The last layer is known already.
 *
 * @module
 */
import type { ModelPackage } from "../../models/package/format.ts";
import { denseLayer } from "../client/layer.ts";
import type { OpenRound, SealedClient, ValueShift } from "./sealed_client.ts";
import {
  type LabelFinding,
  leastTrue,
  weightValues,
} from "./shifted_labels.ts";

/**
 * Weights of one neuron of the last hidden layer.
 *
 * @param elements whose weights are asked for
 * @returns null where the layer is none that the attack is for
 */
export async function innerLayer(
  client: SealedClient,
  model: ModelPackage,
  elements: readonly number[],
): Promise<LabelFinding | null> {
  const hidden = client.last - 1;
  const { layout, valueBits } = client.plan.rounds[hidden] ?? {};
  if (layout?.kind !== "dense") return null;
  const neuron = 0;
  const wins = scoreOfNeuron(client, model, neuron);
  if (!wins) return null;
  const { rows } = denseLayer(model, hidden), before = client.labels;
  const lowest = -(2 ** (valueBits - 2));
  const others = rows.flatMap((_, value) =>
    value === neuron ? [] : [{ value, by: lowest }]
  );
  /** The least shift of the neuron that turns the label. */
  const threshold = (open: OpenRound, from: { below: number; step: number }) =>
    leastTrue(async (by) => {
      await client.activate(open, [{ value: neuron, by }, ...others]);
      return await wins();
    }, from);
  const plain = await client.ask(hidden);
  const own = await threshold(plain, { below: lowest, step: 1 });
  const reach = weightValues(rows);
  let right = 0;
  for (const element of elements) {
    const open = await client.ask(hidden, [{ element, by: 1 }]);
    const shifted = await threshold(open, {
      below: own - reach,
      step: 2 * reach,
    });
    if (own - shifted === rows[neuron][element]) right++;
  }
  return {
    attack: "inner layer",
    found: elements.length,
    right,
    bits: elements.length * Math.log2(reach),
    labels: client.labels - before,
  };
}

/**
 * Whether a score that grows with the neuron is the label, of two that all others stay
 * below; null where the neuron makes no score grow. It becomes the label where the
 * activation is in the middle of its range.
 */
function scoreOfNeuron(
  client: SealedClient,
  model: ModelPackage,
  neuron: number,
): (() => Promise<boolean>) | null {
  const { rows, inputs, high } = denseLayer(model, client.last);
  const order = rows.map((_, i) => i)
    .sort((a, b) => rows[a][neuron] - rows[b][neuron]);
  const least = order[0], most = order[order.length - 1];
  const slope = rows[most][neuron] - rows[least][neuron];
  if (slope <= 0) return null;
  const lowest = -(2 ** (client.plan.rounds[client.last].valueBits - 2));
  const shifts: ValueShift[] = rows.flatMap((_, value) =>
    value === most || value === least ? [] : [{ value, by: lowest }]
  );
  shifts.push({
    value: most,
    by: rows[least][inputs] - rows[most][inputs] -
      slope * Math.ceil(high / 2) + (most < least ? 0 : 1),
  });
  return async () => {
    const open = await client.ask(client.last);
    return await client.label(open, shifts) === most;
  };
}
