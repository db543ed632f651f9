/** One small sealed model, readings of it with their labels, and sessions in a hurry. */
import { MemoryBudgetStore } from "../../functions/admission/budget.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { simulate } from "../../models/simulate/simulate.ts";
import { realReading } from "../../sdk/fixed_point/quantise.ts";
import { exponentialBackoff } from "../../sdk/session/retry.ts";
import { connect, type Session } from "../../sdk/session/session.ts";
import type { ConnectOptions } from "../../sdk/session/session_options.ts";
import { randomReading, tinyModel } from "../reference/tiny_models.ts";
import { testKey } from "../vectors/keys.ts";
import { hurriedClock } from "./tiny_session.ts";

/** What an owner does to a package: labels alone, and those sealed. */
export const sealedModel = (model: ModelPackage): ModelPackage => ({
  ...model,
  manifest: { ...model.manifest, reveal: "label", privacy: "sealed" },
});

export const model: ModelPackage = sealedModel(
  tinyModel(9, [1, 8, 8], [
    { kind: "convolution", channels: 3, kernel: [3, 3], pool: "sum" },
    { kind: "dense", length: 8 },
    { kind: "dense", length: 4 },
  ]),
);

/** A reading in the units of the model, and the label that the simulator gives it. */
export function sampleOf(
  seed: number,
  of = model,
): { reading: number[]; label: number } {
  const integers = randomReading(of, seed);
  const { integers: scores } = simulate(of, integers);
  return {
    reading: Array.from(realReading(integers, of.manifest.inputs)),
    label: scores.indexOf(Math.max(...scores)),
  };
}

/** Labels of a model that every account may be told in a day. */
export const labels = (perModelDay: number) => ({
  store: new MemoryBudgetStore(),
  limits: { perModelDay },
});

export function openSealed(
  url: string,
  options: Partial<ConnectOptions> = {},
): Promise<Session> {
  return connect({
    url,
    model: model.manifest.name,
    keys: testKey(512),
    clock: hurriedClock,
    retry: exponentialBackoff({ attempts: 3 }),
    ...options,
  });
}
