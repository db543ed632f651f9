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
import { sealingKey, startSession } from "../../support/gateway.ts";

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
