/** A new sealing key and a restart: sessions go on, and move to the new key in time. */
import assert from "node:assert/strict";
import * as tiny from "../../support/tiny_session.ts";
import {
  type FunctionsProcess,
  modelFolder,
  startFunctions,
} from "../../support/functions_process.ts";

const oldKey = "07".repeat(32), newKey = "08".repeat(32);

async function restarted(
  { child, port }: FunctionsProcess,
  models: string,
  environment: Record<string, string>,
): Promise<FunctionsProcess> {
  child.kill("SIGTERM");
  await child.status;
  return await startFunctions(models, environment, port);
}

Deno.test("a session outlives the rotation across a restart, and is renewed when the old key is gone", async () => {
  await using models = await modelFolder(tiny.model);
  await using first = await startFunctions(models.path, {
    CIPHERLAYER_SEALING_KEY: oldKey,
  });
  const opened: string[] = [];
  await using session = await tiny.open(first.url, {
    fetch: (...call) => {
      const path = new URL(String(call[0])).pathname;
      if (path === "/v1/sessions") opened.push(path);
      return fetch(...call);
    },
  });
  const infer = async () => (await session.infer(tiny.reading)).scores;
  assert.deepEqual(await infer(), tiny.expected);

  await using second = await restarted(first, models.path, {
    CIPHERLAYER_SEALING_KEY: newKey,
    CIPHERLAYER_PREVIOUS_SEALING_KEYS: oldKey,
  });
  assert.deepEqual(await infer(), tiny.expected);
  assert.equal(opened.length, 1);

  await using _third = await restarted(second, models.path, {
    CIPHERLAYER_SEALING_KEY: newKey,
  });
  assert.deepEqual(await infer(), tiny.expected);
  assert.equal(opened.length, 2);
});
