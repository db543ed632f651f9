import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { inputCiphertexts } from "../../sdk/fixed_point/layout.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { connect } from "../../sdk/session/session.ts";
import { sum } from "../../sdk/support/numbers.ts";
import { decodeRoundRequest } from "../../sdk/wire/codec.ts";
import { randomReading, tinyLeNet } from "../reference/tiny_models.ts";
import { testKey } from "../vectors/keys.ts";
import { startCloud } from "../support/cloud.ts";

const model = tinyLeNet();
const reading = randomReading(model, 8).map((integer) => integer / 16);

Deno.test("while idle, randomness for one inference is computed ahead, and again after it", async () => {
  await using cloud = startCloud([model]);
  using owner = new PaillierEngine(testKey(512));
  await using session = await connect({
    url: cloud.url,
    model: model.manifest.name,
    keys: owner,
  });
  const needed = session.plan.rounds.reduce(
    (sum, { layout }) => sum + inputCiphertexts(layout),
    0,
  );
  await session.whenPrepared();
  equal(owner.pooled, needed);
  const { rounds } = await session.infer(reading);
  equal(rounds.reduce((sum, round) => sum + round.ciphertextsUp, 0), needed);
  await session.whenPrepared();
  equal(owner.pooled, needed);
});

Deno.test("no two requests of a session share a ciphertext", async () => {
  const key = testKey(512);
  const { ciphertextBytes } = key.publicKey;
  const seen = new Set<string>();
  let sent = 0;
  await using cloud = startCloud([model]);
  await using session = await connect({
    url: cloud.url,
    model: model.manifest.name,
    keys: key,
    fetch: (target, init) => {
      if (`${target}`.includes("shard=0/")) {
        const { ciphertexts } = decodeRoundRequest(init!.body as Uint8Array);
        for (let at = 0; at < ciphertexts.length; at += ciphertextBytes) {
          seen.add(ciphertexts.subarray(at, at + ciphertextBytes).join());
          sent++;
        }
      }
      return fetch(target, init);
    },
  });
  for (let i = 0; i < 3; i++) await session.infer(reading);
  ok(sent > 0);
  equal(seen.size, sent);
});

Deno.test("reports states and rounds in order, and the report adds up", async () => {
  await using cloud = startCloud([model]);
  const told: string[] = [];
  {
    await using session = await connect({
      url: cloud.url,
      model: model.manifest.name,
      keys: testKey(512),
    });
    session.addEventListener("state", ({ detail }) => {
      told.push(
        "round" in detail ? `${detail.state} ${detail.round}` : detail.state,
      );
    });
    session.addEventListener("round", ({ detail }) => {
      told.push(`done ${detail.round} of ${detail.rounds}`);
    });
    const answer = await session.infer(reading);
    equal(answer.bytesUp, sum(answer.rounds.map(({ bytesUp }) => bytesUp)));
    equal(
      answer.bytesDown,
      sum(answer.rounds.map(({ bytesDown }) => bytesDown)),
    );
    for (const round of answer.rounds) {
      ok(round.totalMs >= round.encryptMs + round.decryptMs);
      ok(round.bytesUp > 128 * round.ciphertextsUp);
      ok(round.bytesDown > 128 * round.ciphertextsDown);
    }
    ok(answer.totalMs >= sum(answer.rounds.map(({ totalMs }) => totalMs)));
    equal(session.model, model.manifest.name);
    equal(session.version, model.manifest.version);
  }
  deepEqual(told, [
    ...[0, 1, 2, 3].flatMap((round) => [
      `encrypting ${round}`,
      `evaluating ${round}`,
      `decrypting ${round}`,
      `done ${round} of 4`,
    ]),
    "ready",
    "closed",
  ]);
});

Deno.test("sends none of many readings where one is out of range", async () => {
  await using cloud = startCloud([model]);
  await using session = await connect({
    url: cloud.url,
    model: model.manifest.name,
    keys: testKey(512),
  });
  const wrong = reading.with(0, 1e9);
  await rejects(session.inferMany([reading, wrong]), RangeError);
  deepEqual(cloud.calls, ["/v1/sessions"]);
});
