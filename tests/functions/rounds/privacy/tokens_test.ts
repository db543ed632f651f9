/**
 * Tokens as a state machine: a token opens the round that it was made for, and
 * nothing else whatever is done to it.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type AppOptions, createApp } from "../../../../functions/app.ts";
import { MemoryModelStore } from "../../../../functions/models/memory_models.ts";
import { serveLocally } from "../../../../functions/hosts/serve_locally.ts";
import { HostileClient } from "../../../../attack/client/hostile_client.ts";
import { simulate } from "../../../../models/simulate/simulate.ts";
import { applySteps } from "../../../../sdk/activations/apply.ts";
import type { CipherlayerError } from "../../../../sdk/support/errors.ts";
import type { IntegerTensor } from "../../../../sdk/fixed_point/integer_tensor.ts";
import {
  packInputs,
  unpackAnswers,
} from "../../../../sdk/fixed_point/packing.ts";
import { PrivateKey } from "../../../../sdk/paillier/private/private_key.ts";
import { encodeRoundRequest } from "../../../../sdk/wire/codec.ts";
import { sealingKey } from "../../../support/gateway.ts";
import {
  randomReading,
  tinyDense,
  tinyLeNet,
} from "../../../reference/tiny_models.ts";
import { testKey } from "../../../vectors/keys.ts";
import { labelled } from "../../../support/guarded.ts";

const models = [
  labelled(tinyDense(), "standard"),
  labelled(tinyLeNet(), "strict"),
];
const keys = [
  testKey(512),
  // For tests only: it protects nothing.
  PrivateKey.fromPrimes(
    0xfef8d4eed294ca9e4868305288a6f7b8bfb1c30640f5184d7cd60f4cdbea6d87n,
    0xe850a579dcabb158af6580ad23312b82de6143d2b7aff81a24c461e4b7ca1093n,
  ),
];

interface Served extends AsyncDisposable {
  url: string;
}

function serve(options: Partial<AppOptions> = {}): Served {
  const app = createApp({
    models: new MemoryModelStore(...models),
    sealingKey,
    insecureKeys: true,
    ...options,
  });
  const server = serveLocally(app.fetch);
  return {
    url: server.url,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** An inference as it went: the token and the request of each round. */
interface Walk {
  name: string;
  client: HostileClient;
  tokens: Uint8Array[];
  requests: Uint8Array[];
  label: number;
}

/** An honest inference; from round `handOver` on with other functions. */
async function walk(
  url: string,
  model: number,
  key: number,
  session: number,
  handOver?: { round: number; url: string },
): Promise<Walk> {
  const { name } = models[model].manifest;
  const client = new HostileClient(url, name, keys[key]);
  await client.open(1);
  const other = handOver &&
    new HostileClient(handOver.url, name, keys[key]);
  if (other) other.plan = client.plan;
  const live = new Map<string, IntegerTensor>([["input", {
    shape: client.plan.inputs[0].shape,
    samples: [randomReading(models[model], session)],
  }]]);
  const tokens: Uint8Array[] = [], requests: Uint8Array[] = [];
  let { token } = client, output!: IntegerTensor;
  for (
    const [index, { layout, steps, writes }] of client.plan.rounds.entries()
  ) {
    const plaintexts = packInputs(layout, live, client.modulus);
    const ciphertexts = await client.owner.encryptBatch(plaintexts);
    tokens.push(token);
    requests.push(ciphertexts);
    const asked = other && index >= handOver!.round ? other : client;
    const answer = await asked.send(index, token, ciphertexts);
    const residues = await client.owner.decryptBatch(answer.ciphertexts);
    output = applySteps(steps, unpackAnswers(layout, residues));
    live.set(writes, output);
    token = answer.token;
  }
  other?.[Symbol.dispose]();
  const [label] = output.samples[0];
  return {
    name: `model ${model}, key ${key}, session ${session}`,
    client,
    tokens,
    requests,
    label,
  };
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  return await call.then(
    () => "accepted",
    (error: CipherlayerError) => error.code,
  );
}

Deno.test("accepts each token only at its round, with its session's request", async () => {
  await using served = serve();
  const walks: Walk[] = [];
  for (const model of [0, 1]) {
    for (const key of [0, 1]) {
      for (const session of [0, 1]) {
        walks.push(await walk(served.url, model, key, session));
      }
    }
  }
  const seen = new Map<string, number>();
  for (const a of walks) {
    for (const [made, token] of a.tokens.entries()) {
      for (const b of walks) {
        for (const [round, ciphertexts] of b.requests.entries()) {
          const firstSingleUse = a.client.plan.rounds.length -
            (a.name.startsWith("model 0") ? 1 : 2);
          const expected = made !== round
            ? "token-mismatch"
            : a === b
            ? "accepted"
            : a.requests[round].length !== ciphertexts.length
            ? "count-mismatch"
            : round >= firstSingleUse
            ? a.client.key !== b.client.key
              ? "token-spent or ciphertext-out-of-range"
              : "token-spent"
            // A request is bound to no session; under another key it may not even be in range.
            : a.client.key !== b.client.key
            ? "accepted or ciphertext-out-of-range"
            : "accepted";
          // Answers of hidden rounds take long and all succeed alike: one model's will do.
          const costly = expected.startsWith("accepted") && a !== b &&
            a.name.startsWith("model 1");
          if (costly) continue;
          const url = `${served.url}/v1/rounds/${round}`;
          const code = await codeOf(askAt(url, token, ciphertexts));
          assert.ok(
            expected.includes(code),
            `${a.name}, token ${made} at round ${round} with ${b.name}: ${code}, not ${expected}`,
          );
          seen.set(code, (seen.get(code) ?? 0) + 1);
        }
      }
    }
  }
  for (
    const code of [
      "accepted",
      "token-mismatch",
      "token-spent",
      "count-mismatch",
    ]
  ) {
    assert.ok((seen.get(code) ?? 0) > 0, `${code} was seen`);
  }
  for (const { client } of walks) client[Symbol.dispose]();
});

async function askAt(
  url: string,
  token: Uint8Array,
  ciphertexts: Uint8Array,
): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/cbor" },
    body: encodeRoundRequest({ token, ciphertexts }) as Uint8Array<ArrayBuffer>,
  });
  if (!response.ok) throw await response.json();
  await response.body?.cancel();
}

Deno.test("refuses a token that is altered or spliced with another", async () => {
  await using served = serve();
  const a = await walk(served.url, 0, 0, 0),
    b = await walk(served.url, 0, 1, 1);
  const tokens = [...a.tokens, ...b.tokens];
  const send = (token: Uint8Array) =>
    codeOf(askAt(`${served.url}/v1/rounds/0`, token, a.requests[0]));
  const refused = ["token-altered", "token-mismatch"];
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: tokens.length - 1 }),
      fc.nat({ max: tokens.length - 1 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.constantFrom("flip", "cut", "extend", "splice"),
      async (i, j, at, change, way) => {
        const token = tokens[i], other = tokens[j];
        const place = at % token.length;
        const altered = {
          flip: () =>
            token.map((byte, n) => n === place ? byte ^ change : byte),
          cut: () => token.slice(0, place),
          extend: () => Uint8Array.of(...token, change),
          splice: () =>
            Uint8Array.of(
              ...token.subarray(0, place),
              ...other.subarray(place),
            ),
        }[way]();
        const same = tokens.some((known) => `${known}` === `${altered}`);
        if (!same) assert.ok(refused.includes(await send(altered)));
      },
    ),
    { numRuns: 200 },
  );
  a.client[Symbol.dispose]();
  b.client[Symbol.dispose]();
});

Deno.test("inferences begun under an old sealing key go on while it is known", async () => {
  const newKey = new Uint8Array(32).fill(9);
  await using old = serve();
  await using rotated = serve({
    sealingKey: newKey,
    previousSealingKeys: [sealingKey],
  });
  await using forgotten = serve({ sealingKey: newKey });
  for (const model of [0, 1]) {
    const handOver = { round: 1, url: rotated.url };
    const { label, client } = await walk(old.url, model, 0, 5, handOver);
    const scores = simulate(models[model], randomReading(models[model], 5))
      .integers;
    assert.ok(label >= 0 && label < scores.length);
    client[Symbol.dispose]();
    // New sessions are the new key's: instances without the old one go on with them.
    const next = await walk(rotated.url, model, 0, 6, {
      round: 1,
      url: forgotten.url,
    });
    next.client[Symbol.dispose]();
  }
  await assert.rejects(
    walk(old.url, 0, 0, 5, { round: 1, url: forgotten.url }),
    { code: "token-mismatch" },
  );
});
