/**
 * Sealed inferences over HTTP, from a gateway to functions on a real port.
 *
 * @module
 */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { MemoryBudgetStore } from "../../functions/admission/budget.ts";
import { MemoryNonceStore } from "../../functions/stores/spent_tokens.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { simulate } from "../../models/simulate/simulate.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
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
  const budget = budgetOf(50);
  const nonces = new MemoryNonceStore();
  await using first = startCloud([model], { budget, nonces });
  await using second = startCloud([model], { budget, nonces });
  let faulty = true, calls = 0, labels = 0, stoppedMs = 0, stopsAt = "";
  const bodies = new Map<string, Uint8Array>();
  const paths: string[] = [];
  using owner = new PaillierEngine(keys);
  /** While faulty: each call fails once, lost before or after it was answered; then another instance answers. */
  const send = async (target: URL, init: RequestInit): Promise<Response> => {
    const path = new URL(target).pathname,
      body = init.body as Uint8Array<ArrayBuffer>;
    const { url } = calls++ % 2 === 0 ? first : second;
    if (path === stopsAt) {
      stoppedMs += 60_000;
      stopsAt = "";
    }
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
    keys: owner,
    retry: exponentialBackoff({ firstDelayMs: 1 }),
    fetch: send as typeof fetch,
    clock: {
      ...platformClock,
      now: () => performance.now() - stoppedMs,
    },
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
    "begins transfers and randomness anew after its machine was stopped, and sends nothing that it had made before",
    async () => {
      await session.whenPrepared();
      paths.length = 0;
      stoppedMs = 60_000;
      const { reading, label } = sample(5);
      const pooled = owner.pooled;
      ok(pooled > 0);
      const drops: number[] = [];
      const dropPool = owner.dropPool.bind(owner);
      owner.dropPool = () => {
        dropPool();
        drops.push(owner.pooled);
      };
      const { predicted } = await session.infer(reading);
      equal(predicted, label);
      deepEqual(drops, [0]);
      equal(paths[0], "/v1/sealed/transfers");
      equal(paths.filter((path) => path.endsWith("rounds/0")).length, 1);
      // In the middle, too.
      paths.length = 0;
      stopsAt = "/v1/sealed/activations/1";
      equal((await session.infer(reading)).predicted, label);
      deepEqual(
        paths.map((path) => path.split("/").slice(-2).join("/")),
        [
          "rounds/0",
          "activations/0",
          "rounds/1",
          "activations/1",
          "sealed/transfers",
          ...[0, 1, 2].flatMap((i) => [`rounds/${i}`, `activations/${i}`]),
        ],
      );
    },
  );

  await t.step(
    "answers a repeated final call for nothing, and another under its token never",
    async () => {
      const path = "/v1/sealed/activations/2", before = labels;
      const body = bodies.get(path)!;
      const again = await Promise.all(
        [first, second].map(async ({ url }) => {
          const reply = await postTo(new URL(path, url), body);
          return { status: reply.status, bytes: await reply.bytes() };
        }),
      );
      deepEqual(again[0], again[1]);
      equal(again[0].status, 200);
      ok(again[0].bytes.length > 1000);
      const last = decodeSealed("activationRequest", body);
      const statuses = await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          const choices = last.choices.map((byte, k) =>
            k === 0 ? byte ^ (i + 1) : byte
          );
          const { url } = i % 2 === 0 ? first : second;
          const changed = encodeSealed({ ...last, choices });
          const reply = await postTo(new URL(path, url), changed);
          return (await reply.json()).code;
        }),
      );
      deepEqual(new Set(statuses), new Set(["token-spent"]));
      const linear = "/v1/sealed/rounds/2";
      const asked = decodeSealed("linearRequest", bodies.get(linear)!);
      const { ciphertexts } = asked;
      ciphertexts[ciphertexts.length - 1] ^= 1;
      const reply = await postTo(
        new URL(linear, first.url),
        encodeSealed({ ...asked, ciphertexts }),
      );
      equal((await reply.json()).code, "token-spent");
      equal(labels, before);
    },
  );
});

Deno.test("refuses calls of the last round before label and tokens are spent, when ciphertexts or choices are missing or out of place", async () => {
  await using cloud = startCloud([model], {
    budget: budgetOf(1),
    nonces: new MemoryNonceStore(),
  });
  const codes: string[] = [];
  await using session = await connect({
    url: cloud.url,
    model: name,
    keys,
    fetch: (async (target: URL, init: RequestInit) => {
      if (new URL(target).pathname.endsWith("rounds/2")) {
        const call = decodeSealed("linearRequest", init.body as Uint8Array);
        const ciphertexts = call.ciphertexts.subarray(1);
        const body = encodeSealed({ ...call, ciphertexts });
        codes.push((await (await postTo(new URL(target), body)).json()).code);
      }
      if (new URL(target).pathname.endsWith("activations/2")) {
        const call = decodeSealed("activationRequest", init.body as Uint8Array);
        for (
          const wrong of [{ choices: call.choices.subarray(1) }, { from: 2e5 }]
        ) {
          const body = encodeSealed({ ...call, ...wrong });
          const reply = await postTo(new URL(target), body);
          codes.push((await reply.json()).code);
        }
      }
      return await fetch(target, init);
    }) as typeof fetch,
  });
  const { reading, label } = sample(3);
  equal((await session.infer(reading)).predicted, label);
  deepEqual(codes, ["count-mismatch", "malformed", "malformed"]);
});

const postTo = (url: URL, body: Uint8Array) =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/cbor" },
    body: body as Uint8Array<ArrayBuffer>,
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
