/**
 * A process that asks the functions at an address for their health and, as a gateway
 * of a light model, for inferences; it writes an `Observation` a line.
 *
 * @module
 */
import { connect } from "../../sdk/mod.ts";
import { testKey } from "../vectors/keys.ts";

export interface Observation {
  what: "healthz" | "readyz" | "light";
  /** Milliseconds since 1970 when it began. */
  at: number;
  ms: number;
  /** Answered, and as it should be. */
  ok: boolean;
  /** Why not. */
  fault?: string;
}

const pauseMs = { healthz: 100, readyz: 500, light: 100 };

async function watch(
  what: Observation["what"],
  ask: () => Promise<boolean>,
): Promise<void> {
  for (;;) {
    const at = Date.now(), started = performance.now();
    let fault: string | undefined;
    const ok = await ask().catch((error: Error) => {
      fault = error.message;
      return false;
    });
    const ms = performance.now() - started;
    const seen: Observation = { what, at, ms, ok, fault };
    console.log(JSON.stringify(seen));
    await new Promise((done) => setTimeout(done, pauseMs[what]));
  }
}

async function main(url: string): Promise<void> {
  // Not the address that the attacks come from.
  const client = Deno.createHttpClient({ localAddress: "127.0.0.2" });
  const call: typeof fetch = (input, init) => fetch(input, { ...init, client });
  const get = (path: string) => async () => {
    const response = await call(url + path);
    await response.body?.cancel();
    return response.ok;
  };
  const session = await connect({
    url,
    model: "occupancy",
    keys: testKey(2048),
    fetch: call,
    timeoutMs: 60_000,
  });
  // Degrees, percent, lux and ppm.
  const reading = [20, 30, 200, 600];
  const infer = async () => {
    await session.infer(reading);
    return true;
  };
  await Promise.all([
    watch("healthz", get("/healthz")),
    watch("readyz", get("/readyz")),
    watch("light", infer),
  ]);
}

if (import.meta.main) await main(Deno.args[0]);
