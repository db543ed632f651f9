/**
 * Sealed inferences over HTTP, from a gateway to functions on a real port.
 *
 * @module
 */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { MemoryBudgetStore } from "../../functions/admission/budget.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { simulate } from "../../models/simulate/simulate.ts";
import { connect } from "../../sdk/session/session.ts";
import { exponentialBackoff } from "../../sdk/session/retry.ts";
import { seededIntegers } from "../reference/tiny_models.ts";
import { decodeSealed, encodeSealed } from "../../sdk/wire/sealed_messages.ts";
import { platformClock } from "../../sdk/support/clock.ts";
import { startCloud } from "../support/cloud.ts";
import { realReading } from "../../sdk/fixed_point/quantise.ts";
import { testKey } from "../vectors/keys.ts";

const packed = await readPackage("models/zoo/occupancy/package");
const model: ModelPackage = {
  ...packed,
  manifest: { ...packed.manifest, privacy: "sealed" },
};
const { name, inputs, inputs: [{ low, high }] } = model.manifest;
const keys = testKey(512);
const budgetOf = (perModelDay: number) => ({
  store: new MemoryBudgetStore(),
  limits: { perModelDay },
});

/** A reading in the units of the sensor, and the label that the simulator gives it. */
function sample(seed: number) {
  const next = seededIntegers(seed);
  const integers = Float64Array.from(
    [0, 0, 0, 0],
    () => next(low, high),
  );
  const { integers: scores } = simulate(model, integers);
  return {
    reading: realReading(integers, inputs),
    label: scores.indexOf(Math.max(...scores)),
  };
}

Deno.test("a sealed session", async (t) => {
  const budget = budgetOf(32);
  await using first = startCloud([model], { budget });
  await using second = startCloud([model], { budget });
  let faulty = true, calls = 0, labels = 0, stoppedMs = 0;
  const bodies = new Map<string, Uint8Array>();
  const paths: string[] = [];
  /** While faulty: each call fails once, lost before or after it was answered; then another instance answers. */
  const send = async (target: URL, init: RequestInit): Promise<Response> => {
    const path = new URL(target).pathname,
      body = init.body as Uint8Array<ArrayBuffer>;
    const { url } = calls++ % 2 === 0 ? first : second;
    const reply = () => {
      if (path.endsWith("activations/2")) labels++;
      return fetch(new URL(path, url), { ...init, body });
    };
    if (!faulty || bodies.get(path)?.join() === body.join()) {
      paths.push(path);
      return await reply();
    }
    ok(!bodies.has(path), "a body that is sent again is the same");
    bodies.set(path, body);
    // Set-up is dear: it is not answered for nothing.
    if (calls % 4 === 1 && !path.endsWith("transfers")) {
      await (await reply()).body?.cancel();
      return new Response(null, { status: 502 });
    }
    return new Response(null, { status: 503 });
  };
  await using session = await connect({
    url: first.url,
    model: name,
    keys,
    retry: exponentialBackoff({ firstDelayMs: 1 }),
    fetch: send as typeof fetch,
    clock: { ...platformClock, now: () => performance.now() - stoppedMs },
  });

  await t.step(
    "gives the simulator's label though each call fails once",
    async () => {
      const { reading, label } = sample(3);
      const answer = await session.infer(reading);
      equal(answer.predicted, label);
      equal(answer.label, model.manifest.outputs[0].labels![label]);
      equal(answer.scores, null);
      deepEqual(paths, [
        "/v1/sessions",
        "/v1/sealed/transfers",
        ...[0, 1, 2].flatMap((i) => [
          `/v1/sealed/rounds/${i}`,
          `/v1/sealed/activations/${i}`,
        ]),
      ]);
    },
  );

  await t.step("renews its root before the transfers run out", async () => {
    faulty = false;
    paths.length = 0;
    for (let seed = 0; seed < 23; seed++) {
      const { reading, label } = sample(seed);
      const { predicted } = await session.infer(reading);
      equal(predicted, label);
    }
    equal(paths.filter((path) => path.endsWith("roots")).length, 1);
  });

  await t.step(
    "begins transfers anew after its machine was stopped",
    async () => {
      paths.length = 0;
      stoppedMs = 60_000;
      const { reading, label } = sample(5);
      const { predicted } = await session.infer(reading);
      equal(predicted, label);
      equal(paths[0], "/v1/sealed/transfers");
    },
  );

  await t.step(
    "tells no more labels than the budget allows, whoever asks at once",
    async () => {
      const last = decodeSealed(
        "activationRequest",
        bodies.get("/v1/sealed/activations/2")!,
      );
      const statuses = await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          const choices = last.choices.map((byte, k) =>
            k === 0 ? byte ^ i : byte
          );
          const response = await fetch(
            new URL(
              "/v1/sealed/activations/2",
              (i % 2 === 0 ? first : second).url,
            ),
            {
              method: "POST",
              headers: { "content-type": "application/cbor" },
              body: encodeSealed({ ...last, choices }) as Uint8Array<
                ArrayBuffer
              >,
            },
          );
          await response.body?.cancel();
          return response.status;
        }),
      );
      const told = statuses.filter((status) => status === 200).length;
      equal(told, 32 - labels);
      equal(statuses.filter((status) => status === 429).length, 20 - told);
    },
  );
});

Deno.test("a sealed model is not served where labels have no budget", async () => {
  await using cloud = startCloud([model]);
  await rejects(connect({ url: cloud.url, model: name, keys }), {
    code: "unsupported",
    message: /budget/,
  });
});

Deno.test("a model that takes more choices than a batch has is refused before its circuits are made", async () => {
  const resnet = await readPackage("models/zoo/resnet20-cifar10/package");
  const large: ModelPackage = {
    ...resnet,
    manifest: { ...resnet.manifest, privacy: "sealed", reveal: "label" },
  };
  await using cloud = startCloud([large], { budget: budgetOf(3) });
  await rejects(
    connect({ url: cloud.url, model: large.manifest.name, keys }),
    { code: "unsupported", message: /choices an inference/ },
  );
  equal(cloud.calls.length, 1);
});
