/** One small model, a reading of it, what it gives, and a session in a hurry. */
import { simulate } from "../../models/simulate/simulate.ts";
import type { Clock } from "../../sdk/support/clock.ts";
import { exponentialBackoff } from "../../sdk/session/retry.ts";
import { connect, type Session } from "../../sdk/session/session.ts";
import type { ConnectOptions } from "../../sdk/session/session_options.ts";
import { randomReading, tinyLeNet } from "../reference/tiny_models.ts";
import { testKey } from "../vectors/keys.ts";

export const model = tinyLeNet();
export const key = testKey(512);

const [{ scale: [scale], offset: [offset] }] = model.manifest.inputs;
/** A reading, quantised. */
export const integers = randomReading(model, 5);
/** The same in the units of the model's input. */
export const reading = Array.from(
  integers,
  (integer) => integer * scale + offset,
);
/** Scores that the simulator gives for it. */
export const expected = scoresOf(integers);

/** Scores of a quantised reading, by the simulator. */
export function scoresOf(quantised: Float64Array): number[] {
  return Array.from(simulate(model, quantised).scores);
}

/** Waits in no time, so that retries follow each other at once. */
export const hurriedClock: Clock = {
  now: () => performance.now(),
  wait: () => Promise.resolve(),
};

export function open(
  url: string,
  options: Partial<ConnectOptions> = {},
): Promise<Session> {
  return connect({
    url,
    model: model.manifest.name,
    keys: key,
    clock: hurriedClock,
    retry: exponentialBackoff({ attempts: 3 }),
    ...options,
  });
}
