/**
 * What the runtime tests share: a loopback server with the functions and a page
 * that can load the bundled checks.
 */
import { createApp } from "../../functions/app.ts";
import { MemoryModelStore } from "../../functions/models/memory_models.ts";
import { serveLocally } from "../../functions/hosts/serve_locally.ts";
import { simulate } from "../../models/simulate/simulate.ts";
import { seededIntegers, tinyModel } from "../reference/tiny_models.ts";
import { testKey } from "../vectors/keys.ts";
import type { CheckInput } from "./checks.ts";
import { realReading } from "../../sdk/fixed_point/quantise.ts";

const page = `<!doctype html><meta charset="utf-8"><title>checks</title>`;

/**
 * Serves a small model, the page and the bundle on a free loopback port.
 *
 * @returns the input of the checks, and the scores that the simulator expects
 */
export async function serveChecks(bundlePath: string) {
  const model = tinyModel(11, [1, 6, 6], [
    { kind: "convolution", channels: 3, kernel: [3, 3], pool: "sum" },
    { kind: "dense", length: 5 },
  ]);
  const random = seededIntegers(12);
  const [{ shape, low, high }] = model.manifest.inputs;
  const integers = Float64Array.from(
    { length: shape.reduce((a, b) => a * b) },
    () => random(low, high),
  );
  const app = createApp({
    models: new MemoryModelStore(model),
    sealingKey: new Uint8Array(32).fill(7),
    insecureKeys: true,
  });
  const script = await Deno.readTextFile(bundlePath);
  app.get("/", (context) => context.html(page));
  app.get(
    "/bundle.js",
    (context) =>
      context.body(script, 200, { "content-type": "text/javascript" }),
  );
  const server = serveLocally(app.fetch);
  const [p, q] = testKey(512).exportPrimes();
  const input: CheckInput = {
    primes: [p.toString(16), q.toString(16)],
    url: server.url,
    model: model.manifest.name,
    reading: Array.from(realReading(integers, model.manifest.inputs)),
  };
  return {
    input,
    expectedScores: Array.from(simulate(model, integers).scores),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
