import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { simulate } from "../../models/simulate.ts";
import type { Clock } from "../../sdk/clock.ts";
import { CipherlayerError } from "../../sdk/errors.ts";
import { KeyOwner } from "../../sdk/paillier/key_owner.ts";
import { exponentialBackoff } from "../../sdk/retry.ts";
import {
  connect,
  type ConnectOptions,
  type Session,
} from "../../sdk/session.ts";
import {
  decodeRoundResponse,
  decodeSessionResponse,
  encodeRoundResponse,
  encodeSessionResponse,
} from "../../sdk/wire/codec.ts";
import type { InferencePlan } from "../../sdk/wire/plan.ts";
import {
  randomReading,
  tinyDense,
  tinyLeNet,
} from "../reference/tiny_models.ts";
import { testKey } from "../vectors/keys.ts";
import { type Cloud, startCloud } from "./cloud.ts";

const model = tinyLeNet();
const { scale, offset } = model.manifest.input;
const integers = randomReading(model, 5);
const reading = Array.from(integers, (integer) => integer * scale + offset);
const expected = Array.from(
  simulate(model, integers).integers,
  (integer) => integer * model.manifest.output.scale,
);
const key = testKey(512);

/** Waits in no time, so that retries follow each other at once. */
const hurriedClock: Clock = {
  now: () => performance.now(),
  wait: () => Promise.resolve(),
};

function open(
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

Deno.test("a server stopped mid-inference and started again: the inference finishes", async () => {
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

Deno.test("a token that expires mid-inference: a new session, once, and the answer", async () => {
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

Deno.test("a token that never holds is not renewed for ever", async () => {
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

Deno.test("a reading with NaN, out of range or of another length: RangeError, nothing sent", async () => {
  await using cloud = startCloud([model]);
  await using session = await open(cloud.url);
  const before = cloud.calls.length;
  const spoiled = (value: number) => reading.with(17, value);
  await rejects(session.infer(spoiled(NaN)), {
    name: "RangeError",
    message: /index 17, got NaN/,
  });
  await rejects(session.infer(spoiled(Infinity)), RangeError);
  await rejects(session.infer(spoiled(99)), {
    name: "RangeError",
    message: /\[-0.5, 1.9375\] at index 17, got 99/,
  });
  await rejects(session.infer(reading.slice(1)), RangeError);
  await rejects(session.inferMany([reading, spoiled(NaN)]), RangeError);
  equal(cloud.calls.length, before);
  // Clamping is asked for, and infinite values are refused even then.
  await rejects(session.infer(spoiled(NaN), { clamp: true }), RangeError);
  const clamped = await session.infer(spoiled(99), { clamp: true });
  const at = integers.slice();
  at[17] = model.manifest.input.high;
  deepEqual(
    clamped.scores,
    Array.from(simulate(model, at).integers, (x) => x / 64),
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

Deno.test("closing ends a running inference, and later ones are refused", async () => {
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

Deno.test("a key owner that was passed in survives its session", async () => {
  await using cloud = startCloud([model]);
  using owner = new KeyOwner(key);
  for (let i = 0; i < 2; i++) {
    await using session = await open(cloud.url, { keys: owner });
    deepEqual((await session.infer(reading)).scores, expected);
  }
  equal((await owner.decryptBatch(await owner.encryptBatch([5n])))[0], 5n);
});

Deno.test("many readings: batches of `samples`, the last one padded, answers in order", async () => {
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
    readings.map((values) =>
      Array.from(simulate(small, values).integers, (x) => x / 64)
    ),
  );
  const calls = cloud.calls.filter((call) => call.includes("shard=0/"));
  equal(calls.length, 3 * small.manifest.rounds.length);
  deepEqual(await session.inferMany([]), []);
});

Deno.test("concurrent inferences of one session do not mix", async () => {
  await using cloud = startCloud([model]);
  await using session = await open(cloud.url);
  const seeds = [21, 22, 23];
  const answers = await Promise.all(
    seeds.map((seed) =>
      session.infer(randomReading(model, seed).map((value) => value * scale))
    ),
  );
  deepEqual(
    answers.map(({ scores }) => scores),
    seeds.map((seed) =>
      Array.from(
        simulate(model, randomReading(model, seed)).integers,
        (x) => x / 64,
      )
    ),
  );
});

function cbor(body: Uint8Array): Response {
  return new Response(body as Uint8Array<ArrayBuffer>, {
    headers: { "content-type": "application/cbor" },
  });
}

/** Session start and rounds as usual, but answers of round 1 rewritten. */
function hostile(
  rewrite: (body: Uint8Array) => Uint8Array,
): typeof fetch {
  return async (target, init) => {
    const response = await fetch(target, init);
    if (!`${target}`.includes("/rounds/1")) return response;
    return cbor(rewrite(await response.bytes()));
  };
}

const reshaped = (
  change: (answer: { token: Uint8Array; ciphertexts: Uint8Array }) => object,
) =>
  hostile((body) => {
    const answer = decodeRoundResponse(body);
    return encodeRoundResponse({ ...answer, ...change(answer) });
  });

const faults: Record<string, [typeof fetch, string, RegExp]> = {
  "one ciphertext too few": [
    reshaped(({ ciphertexts }) => ({ ciphertexts: ciphertexts.subarray(128) })),
    "count-mismatch",
    /Cannot accept answer of round 1: expected \d+ ciphertexts/,
  ],
  "one ciphertext too many": [
    reshaped(({ ciphertexts }) => ({
      ciphertexts: Uint8Array.of(
        ...ciphertexts,
        ...ciphertexts.subarray(0, 128),
      ),
    })),
    "count-mismatch",
    /Cannot accept answer of round 1: expected \d+ ciphertexts/,
  ],
  "half a ciphertext": [
    reshaped(({ ciphertexts }) => ({ ciphertexts: ciphertexts.subarray(64) })),
    "count-mismatch",
    /Cannot accept answer of round 1/,
  ],
  "no token for the next round": [
    reshaped(() => ({ token: new Uint8Array() })),
    "token-mismatch",
    /expected a token for the next round/,
  ],
  "garbage": [
    hostile(() => crypto.getRandomValues(new Uint8Array(300))),
    "malformed",
    /Cannot decode round response/,
  ],
  "a truncated body": [
    hostile((body) => body.subarray(0, body.length - 1)),
    "malformed",
    /Cannot decode round response/,
  ],
  "an enormous body": [
    hostile(() => new Uint8Array(2 ** 22)),
    "body-too-large",
    /expected at most \d+ bytes/,
  ],
  "ciphertexts of zero": [
    reshaped(({ ciphertexts }) => ({
      ciphertexts: new Uint8Array(ciphertexts.length),
    })),
    "ciphertext-out-of-range",
    /expected ciphertexts in \(0, N\^2\)/,
  ],
  "ciphertexts above N^2": [
    reshaped(({ ciphertexts }) => ({
      ciphertexts: new Uint8Array(ciphertexts.length).fill(255),
    })),
    "ciphertext-out-of-range",
    /expected ciphertexts in \(0, N\^2\)/,
  ],
};

for (const [name, [fetch, code, message]] of Object.entries(faults)) {
  Deno.test(`an answer with ${name} stops the inference`, async () => {
    await using cloud = startCloud([model]);
    await using session = await open(cloud.url, { fetch });
    await rejects(session.infer(reading), (error) => {
      ok(error instanceof CipherlayerError, `${error}`);
      equal(error.code, code);
      match(error.message, message);
      return true;
    });
  });
}

Deno.test("a token altered on its way is refused by the functions, and the session says so", async () => {
  await using cloud = startCloud([model]);
  await using session = await open(cloud.url, {
    fetch: reshaped(({ token }) => ({
      token: token.with(-1, token.at(-1)! ^ 1),
    })),
  });
  await rejects(session.infer(reading), { code: "token-altered" });
});

Deno.test("any plaintexts whatever: the same messages follow, and the gateway is told", async () => {
  await using cloud = startCloud([model]);
  using owner = new KeyOwner(key);
  const { modulus } = owner.publicKey;
  const patterns: string[] = [];
  const saturated: number[] = [];
  // Honest answers, the ends of the plaintext space, and the overflow band.
  for (
    const plaintext of [null, 0n, modulus - 1n, modulus / 2n, modulus / 3n + 1n]
  ) {
    const messages: string[] = [];
    await using session = await open(cloud.url, {
      fetch: async (target, init) => {
        const { pathname, search } = new URL(`${target}`);
        messages.push(
          `${pathname}${search} ${(init!.body as Uint8Array).length}`,
        );
        const response = await fetch(target, init);
        if (plaintext === null || !pathname.endsWith("/rounds/1")) {
          return response;
        }
        const answer = decodeRoundResponse(await response.bytes());
        const count = answer.ciphertexts.length /
          owner.publicKey.ciphertextBytes;
        const forged = await owner.encryptBatch(Array(count).fill(plaintext));
        return cbor(encodeRoundResponse({ ...answer, ciphertexts: forged }));
      },
    });
    saturated.push((await session.infer(reading)).saturated);
    patterns.push(messages.join("\n"));
  }
  equal(new Set(patterns).size, 1);
  ok(saturated.slice(1).every((count) => count > saturated[0]), `${saturated}`);
});

/** The functions' session answer with its plan changed on the way. */
function replanned(change: (plan: InferencePlan) => void): typeof fetch {
  return async (target, init) => {
    const response = await fetch(target, init);
    if (!`${target}`.endsWith("/sessions")) return response;
    const session = decodeSessionResponse(await response.bytes());
    change(session.plan);
    return cbor(encodeSessionResponse(session));
  };
}

Deno.test("rounds in shards: the same answer, and each shard is asked for", async () => {
  await using cloud = startCloud([model]);
  await using session = await open(cloud.url, {
    fetch: replanned((plan) => plan.rounds[0].shards = 3),
  });
  const answer = await session.infer(reading);
  deepEqual(answer.scores, expected);
  deepEqual(
    cloud.calls.filter((call) => call.includes("/rounds/0")).sort(),
    [0, 1, 2].map((shard) => `/v1/rounds/0?shard=${shard}/3`),
  );
});

Deno.test("shards that carry different tokens stop the inference", async () => {
  await using cloud = startCloud([model]);
  const inShards = replanned((plan) => plan.rounds[0].shards = 2);
  await using session = await open(cloud.url, {
    fetch: async (target, init) => {
      const response = await inShards(target, init);
      if (!`${target}`.endsWith("shard=1/2")) return response;
      const answer = decodeRoundResponse(await response.bytes());
      const token = answer.token.with(0, answer.token[0] ^ 1);
      return cbor(encodeRoundResponse({ ...answer, token }));
    },
  });
  await rejects(session.infer(reading), {
    code: "token-mismatch",
    message: /round 0: its shards carry different tokens/,
  });
});

Deno.test("a plan that makes no sense is refused at session start", async () => {
  await using cloud = startCloud([model]);
  await rejects(
    open(cloud.url, { fetch: replanned((plan) => plan.rounds.reverse()) }),
    { code: "malformed", message: /^Cannot use the plan/ },
  );
  await rejects(
    open(cloud.url, {
      fetch: replanned((plan) =>
        plan.rounds[0].steps.push({
          op: "custom",
          name: "mystery",
          inputScale: 1,
          outputScale: 1,
          low: 0,
          high: 1,
        })
      ),
    }),
    { name: "TypeError", message: /activation "mystery"/ },
  );
});

Deno.test("model and key that the functions do not accept", async () => {
  await using cloud = startCloud([model]);
  await rejects(open(cloud.url, { model: "nothing" }), {
    code: "model-not-found",
  });
  await rejects(open(cloud.url, { samples: 0 }), RangeError);
});
