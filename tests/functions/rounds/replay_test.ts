/** Statelessness: replays, shards and instances agree byte for byte. */
import assert from "node:assert/strict";
import { createApp } from "../../../functions/app.ts";
import { MemoryModelStore } from "../../../functions/models/memory_models.ts";
import { inputCiphertexts } from "../../../sdk/fixed_point/layout.ts";
import { TokenSealer } from "../../../functions/rounds/sealed_token.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { bigIntKernel } from "../../../sdk/paillier/public/kernel_bigint.ts";
import { randomReading, tinyLeNet } from "../../reference/tiny_models.ts";
import {
  askRound,
  infer,
  owner,
  sealingKey,
  startSession,
} from "../../support/gateway.ts";

const model = tinyLeNet();

function instance(options: Partial<Parameters<typeof createApp>[0]> = {}) {
  return createApp({
    models: new MemoryModelStore(model),
    sealingKey,
    insecureKeys: true,
    ...options,
  });
}

async function firstRound() {
  const session = await startSession(instance(), model.manifest.name);
  const count = inputCiphertexts(session.plan.rounds[0].layout);
  const ciphertexts = await owner.encryptBatch(Array(count).fill(3n));
  return { token: session.token, ciphertexts };
}

Deno.test("a replay, any number of shards and any instance or kernel give the same bytes", async () => {
  const request = await firstRound();
  const expected = await askRound([instance()], 0, request);
  for (const shards of [1, 2, 3, 64]) {
    const apps = [instance(), instance({ kernel: bigIntKernel })];
    assert.deepEqual(await askRound(apps, 0, request, shards), expected);
  }
});

Deno.test("another session, ciphertext or sealing key changes every answer", async () => {
  const request = await firstRound();
  const expected = await askRound([instance()], 0, request);
  const other = await startSession(instance(), model.manifest.name);
  const changed = {
    token: request.token,
    ciphertexts: request.ciphertexts.slice(),
  };
  const { ciphertextBytes } = owner.publicKey;
  changed.ciphertexts.set(await owner.encryptBatch([3n]), 0);
  for (
    const again of [{ ...request, token: other.token }, changed]
  ) {
    const answer = await askRound([instance()], 0, again);
    assert.notDeepEqual(answer.token, expected.token);
    for (let at = 0; at < answer.ciphertexts.length; at += ciphertextBytes) {
      assert.notDeepEqual(
        answer.ciphertexts.subarray(at, at + ciphertextBytes),
        expected.ciphertexts.subarray(at, at + ciphertextBytes),
      );
    }
  }
});

Deno.test("two instances that share a sealing key alternate through an inference", async () => {
  const apps = [instance(), instance({ kernel: bigIntKernel })];
  const session = await startSession(apps[1], model.manifest.name);
  const reading = randomReading(model, 11);
  const rounds = await infer(apps, session, [reading], 2);
  assert.deepEqual(
    rounds[rounds.length - 1][0],
    simulate(model, reading).integers,
  );
});

Deno.test("tokens carry the orders of live activations only, and the session's expiry", async () => {
  const app = instance();
  const session = await startSession(app, model.manifest.name);
  const sealer = new TokenSealer(sealingKey);
  const live: number[][] = [];
  let { token } = session;
  for (const [index, { layout }] of session.plan.rounds.entries()) {
    const content = sealer.open(token, 0);
    assert.equal(content.round, index);
    assert.equal(content.expiresAt, session.expiresAt);
    live.push(content.orders.map(({ round }) => round));
    const ciphertexts = await owner.encryptBatch(
      Array(inputCiphertexts(layout)).fill(1n),
    );
    ({ token } = await askRound([app], index, { token, ciphertexts }));
  }
  assert.deepEqual(live, [[], [0], [1], [2]]);
  assert.equal(token.length, 0);
});

Deno.test("refuses a count of comparisons under a token without comparisons", async () => {
  const strict = {
    ...model,
    manifest: {
      ...model.manifest,
      privacy: "strict" as const,
      reveal: "label" as const,
    },
  };
  const app = instance({ models: new MemoryModelStore(strict) });
  const { token, plan } = await startSession(app, model.manifest.name);
  const sealer = new TokenSealer(sealingKey);
  // Then the labels are selected.
  const counts = plan.rounds.length - 2;
  const forged = sealer.seal({
    ...sealer.open(token, Date.now()),
    round: counts,
    orders: [],
  });
  const count = inputCiphertexts(plan.rounds[counts].layout);
  const ciphertexts = await owner.encryptBatch(Array(count).fill(1n));
  await assert.rejects(
    askRound([app], counts, { token: forged, ciphertexts }),
    {
      code: "token-mismatch",
      retryable: false,
      message: /expected a token of the comparisons before it$/,
    },
  );
});
