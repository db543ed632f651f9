import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { simulate } from "../../models/simulate/simulate.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { randomReading, tinyDense } from "../reference/tiny_models.ts";
import { type Cloud, startCloud } from "../support/cloud.ts";
import {
  expected,
  hurriedClock,
  integers,
  key,
  model,
  open,
  reading,
  scoresOf,
} from "../support/tiny_session.ts";

Deno.test("two instances with one sealing key answer calls in turn", async () => {
  await using one = startCloud([model]);
  await using other = startCloud([model]);
  let calls = 0;
  await using session = await open(one.url, {
    fetch: (target, init) => {
      const url = new URL(`${target}`);
      url.port = `${[one, other][calls++ % 2].port}`;
      return fetch(url, init);
    },
  });
  deepEqual((await session.infer(reading)).scores, expected);
  ok(one.calls.length >= 2 && other.calls.length >= 2);
});

Deno.test("an unreachable server is tried again, then reported", async () => {
  const cloud = startCloud([model]);
  await cloud.stop();
  const waits: number[] = [];
  await rejects(
    open(cloud.url, {
      clock: {
        ...hurriedClock,
        wait: (delayMs) => {
          waits.push(delayMs);
          return Promise.resolve();
        },
      },
    }),
    {
      name: "CipherlayerError",
      code: "network",
      message: /^Cannot reach http/,
    },
  );
  equal(waits.length, 2);
});

Deno.test("an inference finishes after its server was stopped and started again", async () => {
  let cloud: Cloud = startCloud([model]);
  const { port } = cloud;
  const restarted = Promise.withResolvers<void>();
  const states: string[] = [];
  let retries = 0, rounds = 0;
  const bodies: Uint8Array[] = [];
  {
    await using session = await open(cloud.url, {
      retry: () => 1,
      // Waiting ends when the server is back, whenever that is.
      clock: { ...hurriedClock, wait: () => restarted.promise },
      fetch: (target, init) => {
        if (`${target}`.includes("/rounds/2")) {
          bodies.push((init!.body as Uint8Array).slice());
        }
        return fetch(target, init);
      },
    });
    let stopping: Promise<void> | undefined;
    session.addEventListener("round", () => rounds++);
    session.addEventListener("state", ({ detail }) => {
      states.push(detail.state);
      // While round 2 is being encrypted nothing answers any more.
      if (detail.state === "encrypting" && detail.round === 2) {
        stopping = cloud.stop();
      }
    });
    session.addEventListener("retry", async ({ detail }) => {
      equal(detail.error.code, "network");
      if (retries++ > 0) return;
      await stopping;
      cloud = startCloud([model], { port });
      restarted.resolve();
    });
    const answer = await session.infer(reading);
    deepEqual(answer.scores, expected);
    equal(answer.rounds.length, rounds);
  }
  ok(retries >= 1);
  equal(rounds, model.manifest.rounds.length);
  equal(states.filter((state) => state === "connecting").length, 0);
  ok(bodies.length >= 2);
  for (const body of bodies) deepEqual(body, bodies[0]);
  await cloud.stop();
});

Deno.test("a token that expires mid-inference leads to one new session and the answer", async () => {
  let now = 1e12;
  let clouds = 0;
  await using cloud = startCloud([model], {
    clock: () => now,
    intercept: (request) => {
      if (request.url.includes("/rounds/1") && clouds++ === 0) now += 1e10;
      return undefined;
    },
  });
  await using session = await open(cloud.url);
  deepEqual((await session.infer(reading)).scores, expected);
  equal(cloud.calls.filter((call) => call === "/v1/sessions").length, 2);
});

Deno.test("gives up renewing a token that is refused again", async () => {
  let now = 1e12;
  await using cloud = startCloud([model], {
    clock: () => now,
    intercept: (request) => {
      if (request.url.includes("/rounds/1")) now += 1e10;
      return undefined;
    },
  });
  await using session = await open(cloud.url);
  await rejects(session.infer(reading), { code: "token-expired" });
  equal(cloud.calls.filter((call) => call === "/v1/sessions").length, 2);
});

Deno.test("a reading with NaN, out of range or of another length is refused by index, nothing sent", async () => {
  await using cloud = startCloud([model]);
  await using session = await open(cloud.url);
  const before = cloud.calls.length;
  const spoiled = (value: number) => reading.with(17, value);
  for (
    const [value, got] of [
      [NaN, "NaN"],
      [null, "null"],
      ["", '""'],
      ["20.5", '"20.5"'],
      [true, "true"],
      [undefined, "nothing"],
      [[], "a list of 0"],
      [new Date(0), "an object \\(Date\\)"],
    ] as const
  ) {
    const refused = {
      name: "TypeError",
      message: new RegExp(`expected a number at index 17, got ${got}$`),
    };
    await rejects(session.infer(spoiled(value as number)), refused);
    await rejects(session.inferMany([spoiled(value as number)]), refused);
  }
  await rejects(session.infer(spoiled(Infinity)), RangeError);
  await rejects(session.infer(spoiled(99)), {
    name: "RangeError",
    message: /\[-0.5, 1.9375\] at index 17, got 99/,
  });
  await rejects(session.infer(reading.slice(1)), RangeError);
  await rejects(session.inferMany([reading, spoiled(NaN)]), TypeError);
  equal(cloud.calls.length, before);
  // Clamping is asked for, and infinite values are refused even then.
  await rejects(session.infer(spoiled(NaN), { clamp: true }), TypeError);
  const clamped = await session.infer(spoiled(99), { clamp: true });
  const at = integers.slice();
  at[17] = model.manifest.inputs[0].high;
  deepEqual(
    clamped.scores,
    scoresOf(at),
  );
});

Deno.test("an abort ends an inference with the caller's reason; the session lives on", async () => {
  await using cloud = startCloud([model]);
  await using session = await open(cloud.url);
  const reason = new Error("changed my mind");
  const stop = new AbortController();
  session.addEventListener("round", () => stop.abort(reason));
  await rejects(
    session.infer(reading, { signal: stop.signal }),
    (error) => error === reason,
  );
  deepEqual((await session.infer(reading)).scores, expected);
});

Deno.test("closing ends a running inference and refuses later ones", async () => {
  await using cloud = startCloud([model]);
  const session = await open(cloud.url);
  const states: string[] = [];
  session.addEventListener("state", ({ detail }) => states.push(detail.state));
  const running = rejects(session.infer(reading), { name: "AbortError" });
  await session.close();
  await running;
  await rejects(session.infer(reading), { name: "AbortError" });
  equal(states.at(-1), "closed");
});

Deno.test("an engine that was passed in outlives its session", async () => {
  await using cloud = startCloud([model]);
  using owner = new PaillierEngine(key);
  for (let i = 0; i < 2; i++) {
    await using session = await open(cloud.url, { keys: owner });
    deepEqual((await session.infer(reading)).scores, expected);
  }
  equal((await owner.decryptBatch(await owner.encryptBatch([5n])))[0], 5n);
});

Deno.test("many readings become batches of `samples`, the last one padded, answered in order", async () => {
  const small = tinyDense();
  await using cloud = startCloud([small]);
  await using session = await open(cloud.url, {
    model: small.manifest.name,
    samples: 2,
  });
  const readings = [1, 2, 3, 4, 5].map((seed) => randomReading(small, seed));
  const answers = await session.inferMany(
    readings.map((values) => values.map((value) => value / 16)),
  );
  deepEqual(
    answers.map(({ scores }) => scores),
    readings.map((values) => Array.from(simulate(small, values).scores)),
  );
  const calls = cloud.calls.filter((call) => call.includes("shard=0/"));
  equal(calls.length, 3 * small.manifest.rounds.length);
  deepEqual(await session.inferMany([]), []);
});

Deno.test("concurrent inferences of one session do not mix", async () => {
  await using cloud = startCloud([model]);
  await using session = await open(cloud.url);
  const readings = [21, 22, 23].map((seed) => randomReading(model, seed));
  const [{ scale: [scale], offset: [offset] }] = model.manifest.inputs;
  const answers = await Promise.all(
    readings.map((quantised) =>
      session.infer(quantised.map((value) => value * scale + offset))
    ),
  );
  deepEqual(answers.map(({ scores }) => scores), readings.map(scoresOf));
});

Deno.test("reports a model and a key that the functions refuse", async () => {
  await using cloud = startCloud([model]);
  await rejects(open(cloud.url, { model: "nothing" }), {
    code: "model-not-found",
  });
  await rejects(open(cloud.url, { samples: 0 }), RangeError);
});
