/**
 * Encrypted equals simulated, bit for bit, noise included: what the functions add
 * is computed again from their seeds.
 */
import assert from "node:assert/strict";
import { createApp } from "../../../functions/app.ts";
import { MemoryModelStore } from "../../../functions/models/memory_models.ts";
import { disturbance } from "../../../functions/rounds/privacy/guard_answers.ts";
import { expandOrder } from "../../../functions/rounds/arithmetic/order.ts";
import { drawOrder } from "../../../functions/rounds/privacy/order.ts";
import { roundSeed } from "../../../functions/rounds/privacy/seed.ts";
import { TokenSealer } from "../../../functions/rounds/sealed_token.ts";
import type { ModelPackage } from "../../../models/package/format.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { applySteps } from "../../../sdk/activations/apply.ts";
import type { IntegerTensor } from "../../../sdk/fixed_point/integer_tensor.ts";
import {
  answerCiphertexts,
  blockSlots,
  spillSlots,
} from "../../../sdk/fixed_point/layout.ts";
import { packInputs, unpackAnswers } from "../../../sdk/fixed_point/packing.ts";
import type { RoundLayout } from "../../../sdk/wire/plan.ts";
import {
  randomReading,
  tinyDense,
  tinyLeNet,
  tinyResidual,
  tinySignal,
} from "../../reference/tiny_models.ts";
import {
  askRound,
  owner,
  sealingKey,
  startSession,
} from "../../support/gateway.ts";
import { guardedAsServed, labelled } from "../../support/guarded.ts";

/** Noise of a request, laid out as the accumulators that the gateway reads. */
async function noiseTensor(
  layout: RoundLayout,
  amplitude: number,
  requestSeed: Uint8Array,
): Promise<IntegerTensor> {
  const range = { from: 0, to: answerCiphertexts(layout) };
  const noise = await disturbance(amplitude, layout, range, requestSeed);
  const block = blockSlots(layout), first = spillSlots(layout);
  const slotBits = BigInt(layout.slotBits);
  const scale = layout.kind === "dense" ? 2 ** layout.guardBits : 1;
  const plaintexts = noise.map((values) => {
    const useful = block - first;
    let plaintext = 0n;
    values.forEach((value, i) => {
      const slot = Math.floor(i / useful) * block + first + i % useful;
      plaintext += BigInt(scale * value + 2 ** (layout.slotBits - 1)) <<
        (BigInt(slot) * slotBits);
    });
    return plaintext;
  });
  return unpackAnswers(layout, plaintexts);
}

async function compare(
  model: ModelPackage,
  samples: number,
  shards: number,
): Promise<number> {
  const app = createApp({
    models: new MemoryModelStore(model),
    sealingKey,
    insecureKeys: true,
  });
  const session = await startSession(app, model.manifest.name, samples);
  const { model: guarded, guards } = guardedAsServed(model);
  const sealer = new TokenSealer(sealingKey);
  const readings = Array.from(
    { length: samples },
    (_, i) => randomReading(model, i),
  );
  const live = new Map<string, IntegerTensor>([
    ["input", { shape: session.plan.inputs[0].shape, samples: readings }],
  ]);
  const seen: { round: number; accumulators: Float64Array[] }[] = [];
  const noises = new Map<number, Float64Array[]>();
  let { token } = session, noisy = 0;
  for (
    const [index, { layout, steps, writes }] of session.plan.rounds.entries()
  ) {
    const plaintexts = packInputs(layout, live, owner.publicKey.modulus);
    const ciphertexts = await owner.encryptBatch(plaintexts);
    const seed = await roundSeed(sealingKey, token, ciphertexts);
    const answer = await askRound([app], index, { token, ciphertexts }, shards);
    const accumulators = unpackAnswers(
      layout,
      await owner.decryptBatch(answer.ciphertexts),
    );
    live.set(writes, applySteps(steps, accumulators, { live }));
    const guard = guards[index];
    if (guard.kind === "none" || guard.kind === "disturbed") {
      const { orders } = sealer.open(answer.token, 0);
      const order = orders.find(({ round }) => round === index);
      const [channels] = guarded.manifest.rounds[index].outputShape;
      const restore = async (tensor: IntegerTensor) => {
        const units = order && expandOrder(
          await drawOrder(order.seed, unitsOf(index)),
          channels,
        );
        return tensor.samples.map((values) => {
          if (!units) return values;
          const size = values.length / channels;
          const restored = new Float64Array(values.length);
          units.forEach((channel, place) =>
            restored.set(
              values.subarray(place * size, (place + 1) * size),
              channel * size,
            )
          );
          return restored;
        });
      };
      seen.push({ round: index, accumulators: await restore(accumulators) });
      if (guard.kind === "disturbed") {
        const noise = await noiseTensor(layout, guard.amplitude, seed);
        noises.set(index, await restore(noise));
        noisy += noise.samples[0].filter((value) => value !== 0).length;
      }
    }
    token = answer.token;
  }
  const [last] = [...live.values()].slice(-1);
  readings.forEach((reading, sample) => {
    const expected = simulate(guarded, reading, undefined, (round, values) => {
      noises.get(round)?.[sample].forEach((noise, i) => values[i] += noise);
    });
    for (const { round, accumulators } of seen) {
      assert.deepEqual(
        accumulators[sample],
        expected.rounds[round].accumulators,
        `round ${round}, sample ${sample}`,
      );
    }
    assert.deepEqual(last.samples[sample], expected.integers, "label");
  });
  return noisy;

  function unitsOf(round: number): number {
    return guarded.manifest.rounds[round].outputShape[0];
  }
}

for (
  const [name, make] of Object.entries({
    tinyLeNet,
    tinyResidual,
    tinySignal,
    tinyDense,
  })
) {
  for (
    const [privacy, samples, shards] of [["standard", 3, 2], [
      "strict",
      1,
      1,
    ]] as const
  ) {
    Deno.test(`${name}, ${privacy}: encrypted equals simulated in every round, noise and label (${samples} samples, ${shards} shards)`, async () => {
      const noisy = await compare(labelled(make(), privacy), samples, shards);
      assert.ok(noisy > 0, "there was noise");
    });
  }
}
