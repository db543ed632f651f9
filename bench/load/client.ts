/**
 * A process of gateways: reads a `ClientJob` as JSON from standard input, and writes
 * one line of JSON for each inference that begins (`null`) and that ends (`Outcome`).
 *
 * @module
 */
import { generatePrivateKey } from "../../sdk/paillier/private/key_generation.ts";
import type { PrivateKey } from "../../sdk/paillier/private/private_key.ts";
import { seededUnit } from "../shared/seeded.ts";
import type { CheckedModel } from "./checked_model.ts";
import { type GatewayOptions, runGateway } from "./gateway.ts";

export interface ClientJob
  extends Pick<GatewayOptions, "replayShare" | "timeoutMs"> {
  url: string;
  keyBits: number;
  insecure: boolean;
  /** Gateways of this process, by number, and what each of them asks for. */
  gateways: { number: number; model: CheckedModel; intervalMs: number }[];
  /** Of each gateway. */
  keys: number;
  seed: number;
  /** From the moment that all keys are there. */
  durationMs: number;
}

const encoder = new TextEncoder();

function tell(event: unknown): void {
  Deno.stdout.writeSync(encoder.encode(`${JSON.stringify(event)}\n`));
}

async function run(job: ClientJob): Promise<void> {
  const { keyBits, insecure, seed, gateways } = job;
  const keys: PrivateKey[][] = [];
  for (const _ of gateways) {
    const own: PrivateKey[] = [];
    while (own.length < job.keys) {
      own.push(await generatePrivateKey(keyBits, { insecure }));
    }
    keys.push(own);
  }
  const stop = new AbortController();
  setTimeout(() => stop.abort(), job.durationMs);
  await Promise.all(
    gateways.map(({ number, model, intervalMs }, i) =>
      runGateway(
        {
          ...job,
          model,
          intervalMs,
          keys: keys[i],
          unit: seededUnit(seed + number),
        },
        stop.signal,
        () => tell(null),
        tell,
      )
    ),
  );
}

if (import.meta.main) {
  await run(await new Response(Deno.stdin.readable).json());
}
