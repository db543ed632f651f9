/**
 * Runs an app: readings go in on one side while results come out on the other, so
 * that neither waits for the other.
 *
 * @module
 */
import type { InferencePlan } from "@cipherlayer/sdk";
import { UsageError } from "../../cli/commands/command.ts";
import type { contracts } from "../contracts.ts";
import { brokerAt } from "./broker.ts";
import { type Group, openGateway, type Result } from "./gateway.ts";
import { type DeviceDescription, MqttDevice } from "./mqtt_device.ts";
import type { Notices } from "./notices.ts";
import type { HomeOptions } from "./options.ts";

/** What an app is made of. */
export interface App<State> {
  model: keyof typeof contracts;
  /** Readings in one inference. */
  samples: number;
  /** Whether values beyond the ranges that the model knows saturate; else refused. */
  clamp: boolean;
  /** Whether readings come from sensors, and not again. */
  live: boolean;
  describe(plan: InferencePlan | null): DeviceDescription;
  /** Readings until there are no more, or the signal aborts. */
  groups(signal: AbortSignal): AsyncIterable<Group>;
  /** A state to publish; null where a result gives none. */
  interpret(result: Result): Promise<State | null> | State | null;
  /** What is printed without `--json`. */
  inWords(state: State): string;
  /** Whether a state counts for `--count`. */
  counts(state: State): boolean;
  /** Told when a state has been published. */
  onPublished?(state: State): Promise<void>;
}

/**
 * Runs an app until its readings end, or so many results have come.
 *
 * @throws what the functions refuse for good, or the signal's reason
 */
export async function runApp<State>(
  app: App<State>,
  { home, notices, signal }: {
    home: HomeOptions;
    notices: Notices;
    signal: AbortSignal;
  },
): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const device = home.broker && resources.use(
    new MqttDevice(
      brokerAt(home.broker, home.pems),
      app.describe(null),
      notices,
    ),
  );
  const { model, samples, clamp, live } = app;
  const done = new AbortController();
  const stop = AbortSignal.any([signal, done.signal]);
  const gateway = resources.use(
    await openGateway({
      model,
      samples,
      clamp,
      live,
      home,
      notices,
      signal: stop,
    }),
  );
  gateway.onPlan = (plan) => device?.describe(app.describe(plan));

  const taking = (async () => {
    for await (const group of app.groups(stop)) {
      await gateway.send(group);
    }
    gateway.end();
  })();
  // What ends the readings ends the results, too.
  const failed = taking.then(() => null, (error) => {
    done.abort(error);
    return error;
  });
  try {
    let left = home.count;
    let results = 0;
    for await (const result of gateway.results()) {
      results++;
      const state = await app.interpret(result);
      if (state === null) continue;
      device?.publish(state);
      console.log(home.json ? JSON.stringify(state) : app.inWords(state));
      await app.onPublished?.(state);
      if (app.counts(state) && --left === 0) break;
    }
    if (results === 0 && !done.signal.aborted) {
      throw new UsageError(
        "error: the readings ended before they gave a result",
      );
    }
  } finally {
    done.abort();
    await failed;
  }
}
