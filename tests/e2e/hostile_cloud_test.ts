/** Clouds that answer wrongly, by accident or on purpose. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { simulate } from "../../models/simulate/simulate.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import {
  decodeRoundResponse,
  decodeSessionResponse,
  encodeRoundResponse,
  encodeSessionResponse,
} from "../../sdk/wire/codec.ts";
import type { InferencePlan } from "../../sdk/wire/plan.ts";
import { randomReading, tinyModel } from "../reference/tiny_models.ts";
import { startCloud } from "../support/cloud.ts";
import {
  expected,
  key,
  model,
  open,
  reading,
} from "../support/tiny_session.ts";

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

Deno.test("the functions refuse an altered token, and the session reports it", async () => {
  await using cloud = startCloud([model]);
  await using session = await open(cloud.url, {
    fetch: reshaped(({ token }) => ({
      token: token.with(-1, token.at(-1)! ^ 1),
    })),
  });
  await rejects(session.infer(reading), { code: "token-altered" });
});

Deno.test("any plaintexts lead to the same messages, and the gateway learns of them after the last", async () => {
  await using cloud = startCloud([model]);
  using owner = new PaillierEngine(key);
  const { modulus } = owner.publicKey;
  const patterns: string[] = [];
  const clampedValues: number[] = [];
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
    clampedValues.push((await session.infer(reading)).clampedValues);
    patterns.push(messages.join("\n"));
  }
  equal(new Set(patterns).size, 1);
  ok(
    clampedValues.slice(1).every((count) => count > clampedValues[0]),
    `${clampedValues}`,
  );
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

Deno.test("rounds in shards give the same answer, each shard requested once", async () => {
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

Deno.test("requests at most eight shards at a time", async () => {
  const wide = tinyModel(1, [4], [{ kind: "dense", length: 600 }]);
  const input = randomReading(wide, 2);
  const max = 8;
  let underWay = 0, maxUnderWay = 0;
  const full = Promise.withResolvers<void>();
  const inShards = replanned((plan) => plan.rounds[0].shards = 12);
  await using cloud = startCloud([wide]);
  await using session = await open(cloud.url, {
    model: wide.manifest.name,
    fetch: async (target, init) => {
      if (`${target}`.endsWith("/sessions")) {
        return await inShards(target, init);
      }
      maxUnderWay = Math.max(maxUnderWay, ++underWay);
      if (underWay === max) full.resolve();
      await full.promise;
      const response = await fetch(target, init);
      underWay--;
      return response;
    },
  });
  const [{ scale: [scale], offset: [offset] }] = wide.manifest.inputs;
  const answer = await session.infer(
    Array.from(input, (integer) => integer * scale + offset),
  );
  deepEqual(answer.scores, Array.from(simulate(wide, input).scores));
  equal(maxUnderWay, max);
  equal(cloud.calls.length, 1 + 12);
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

Deno.test("refuses a plan that makes no sense at session start", async () => {
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
