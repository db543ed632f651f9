/** Work is counted before it starts: rounds are split to fit, or refused. */
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import {
  callMilliseconds,
  defaultCosts,
} from "../../../models/planner/cost_model.ts";
import { readPackage } from "../../../models/package/read_package.ts";
import { workOfPart } from "../../../functions/http/rounds.ts";
import { planRound } from "../../../models/planner/plan.ts";
import type { CipherlayerError } from "../../../sdk/support/errors.ts";
import { inputCiphertexts } from "../../../sdk/fixed_point/layout.ts";
import { encodeRoundRequest } from "../../../sdk/wire/codec.ts";
import * as tiny from "../../support/tiny_session.ts";
import { serve } from "../../support/serve_with_access.ts";
import { owner, post, startSession } from "../../support/gateway.ts";

const { name } = tiny.model.manifest;
/** A call costs 3 ms in any case; the first round takes 3.43 in one part, others less than this. */
const maxMillisecondsPerCall = 3.35;

Deno.test("each call of a plan fits what a call may take; without a limit nothing changes", async () => {
  const folder = new URL(
    "../../../models/zoo/lenet-mnist/package",
    import.meta.url,
  );
  const { manifest, tensors } = await readPackage(fileURLToPath(folder));
  const modulusBits = 2048, samples = 1;
  const costs = defaultCosts(modulusBits);
  for (const round of manifest.rounds) {
    const [unlimited] = planRound(round, { modulusBits, samples, tensors });
    for (const max of [Infinity, 200, 60, 30, 15]) {
      const [{ forecast }] = planRound(round, {
        modulusBits,
        samples,
        tensors,
        callLimits: { maxMillisecondsPerCall: max, shards: 64 },
      });
      assert(callMilliseconds(forecast, costs) <= max);
      assert(forecast.shards <= Math.min(64, forecast.ciphertextsDown));
      if (callMilliseconds(unlimited.forecast, costs) <= max) {
        assert.equal(forecast.totalMs, unlimited.forecast.totalMs);
      } else assert(forecast.shards > 1);
    }
  }
});

Deno.test("parts count for one of the plan's at the least, however many a round is split in", () => {
  const content = { predictedMs: 1200, shards: 4 };
  const counted = [1, 2, 4, 8, 64].map((shards) =>
    workOfPart(content, shards).shards
  );
  assert.deepEqual(counted, [1, 2, 4, 4, 4]);
});

Deno.test("refuses a session whose round cannot be split small enough, with name and numbers", async () => {
  await using served = serve([tiny.model], {
    limits: { maxMillisecondsPerCall: 2 },
  });
  await assert.rejects(
    tiny.open(served.url),
    (error: CipherlayerError) => {
      assert.deepEqual(
        [error.code, error.status, error.retryable],
        ["too-much-work", 422, false],
      );
      assert.match(
        error.message,
        /Cannot plan round ".+": expected calls of at most 2 ms, got \d+ ms/,
      );
      return true;
    },
  );
});

Deno.test("a round split to fit gives the same answer; a call for more than its part is refused first", async () => {
  await using whole = serve([tiny.model]);
  await using split = serve([tiny.model], {
    limits: { maxMillisecondsPerCall },
  });
  const functions = split.as(null);
  const { token, plan } = await startSession(functions, name);
  const [{ layout, shards }] = plan.rounds;
  assert(shards > 1, `${shards}`);
  await using session = await tiny.open(split.url);
  const { scores, rounds } = await session.infer(tiny.reading);
  assert.deepEqual(scores, tiny.expected);
  assert.equal(rounds.length, plan.rounds.length);

  const body = encodeRoundRequest({
    token,
    ciphertexts: await owner.encryptBatch(
      Array(inputCiphertexts(layout)).fill(1n),
    ),
  });
  const refused = await post(functions, "/v1/rounds/0?shard=0/1", body);
  const { code, detail, retryable } = await refused.json();
  assert.deepEqual(
    [refused.status, code, retryable],
    [422, "too-much-work", false],
  );
  assert.match(
    detail,
    new RegExp(
      `^Cannot evaluate round 0: expected a call of at most ${maxMillisecondsPerCall} ms, got \\d+ ms; the plan splits the round in ${shards}$`,
    ),
  );
  const answered = await post(
    functions,
    `/v1/rounds/0?shard=0/${shards}`,
    body,
  );
  assert.equal(answered.status, 200);
  await answered.body?.cancel();
  // Functions with another limit made another plan: they do not go on with it.
  const other = await post(whole.as(null), "/v1/rounds/0", body);
  assert.deepEqual(
    [other.status, (await other.json()).code],
    [403, "token-mismatch"],
  );
});
