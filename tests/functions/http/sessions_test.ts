/**
 * What a session's start binds into its token.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createApp } from "../../../functions/app.ts";
import { MemoryModelStore } from "../../../functions/models/memory_models.ts";
import { TokenSealer } from "../../../functions/rounds/sealed_token.ts";
import { tinyDense } from "../../reference/tiny_models.ts";
import { makeKeyProof } from "../../../sdk/paillier/private/key_proof_make.ts";
import { encodeSessionRequest } from "../../../sdk/wire/codec.ts";
import { post, sealingKey, startSession } from "../../support/gateway.ts";
import { testKey } from "../../vectors/keys.ts";

Deno.test("sessions of one key and model start from nonces of their own", async () => {
  const app = createApp({
    models: new MemoryModelStore(tinyDense()),
    sealingKey,
    insecureKeys: true,
  });
  const nonces = new Set<string>();
  for (let i = 0; i < 4; i++) {
    const { token } = await startSession(app, tinyDense().manifest.name);
    nonces.add(new TokenSealer(sealingKey).open(token, 0).nonce.join());
  }
  assert.equal(nonces.size, 4);
});

Deno.test("while many keys are checked, the event loop runs", async () => {
  const app = createApp({
    models: new MemoryModelStore(tinyDense()),
    sealingKey,
    insecureKeys: true,
  });
  const key = testKey(2048);
  const body = encodeSessionRequest({
    model: tinyDense().manifest.name,
    modulus: key.publicKey.toBytes(),
    proof: makeKeyProof(key),
    samples: 1,
  });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 0);
  const answers = await Promise.all(
    Array.from({ length: 12 }, () => post(app, "/v1/sessions", body)),
  );
  clearInterval(timer);
  for (const answer of answers) {
    assert.equal(answer.status, 200);
    await answer.body?.cancel();
  }
  // Each takes tens of milliseconds, and a slice 20.
  assert(ticks >= 12, `${ticks}`);
});
