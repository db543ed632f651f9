/**
 * Makes what the page shows until somebody asks.
 *
 * @module
 */
import { generatePrivateKey } from "@cipherlayer/sdk";
import { startFunctions } from "../demo/server_process.ts";
import { digitSample } from "../digits/samples.ts";
import { Gateway } from "./gateway.ts";
import type { Example, WorkerMessage } from "./messages.ts";

const exampleSum = [19, 23] as const;

/** Draws ten digits, and asks real functions for a handwritten 7, under a 2048-bit key made for it. */
export async function recordExample(signal: AbortSignal): Promise<Example> {
  const [functions, key] = await Promise.all([
    startFunctions({ insecureKeys: false, signal }),
    generatePrivateKey(2048),
  ]);
  await using resources = new AsyncDisposableStack();
  resources.use(functions);
  const told: WorkerMessage[] = [];
  const gateway = resources.use(
    await Gateway.open({
      url: functions.url.href,
      key,
      sealed: false,
      tell: (message) => told.push(message),
    }),
  );
  const samples = Array.from(
    { length: 10 },
    (_, digit) => [...digitSample(digit).picture],
  );
  const picture = samples[7];
  await gateway.ask(picture);
  await gateway.hide(picture);
  await gateway.add(...exampleSum);
  // What was only on the way needs no showing afterwards.
  const passing = ["status", "sent", "received"];
  return {
    samples,
    builtAt: new Date().toISOString(),
    picture,
    told: told.filter(({ kind }) => !passing.includes(kind)),
  };
}
