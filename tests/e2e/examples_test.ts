/** The numbered examples, as their readers run them (05 runs in `node_package_test.ts`). */
import { equal, match } from "node:assert/strict";
import { existsSync } from "node:fs";
import { readPackage } from "../../models/package/read_package.ts";
import { startCloud } from "../support/cloud.ts";

const lenetFolder = "models/zoo/lenet-mnist/package";
const occupancyFolder = "models/zoo/occupancy/package";

async function runExample(
  name: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `examples/${name}`, ...args],
    env: { NO_COLOR: "1", ...env },
  }).output();
  equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test({
  name: "example 01 connects and infers",
  ignore: !existsSync(`${lenetFolder}/manifest.json`),
  fn: async () => {
    await using cloud = startCloud([await readPackage(lenetFolder)]);
    const text = await runExample("01_quickstart.ts", [cloud.url]);
    match(text, /round (\d)\/\1: \d+ ms/);
    match(text, /Drew a 3; the cloud, blind, says 3\./);
  },
});

Deno.test("example 02 infers a batch", async () => {
  await using cloud = startCloud([await readPackage(occupancyFolder)]);
  const text = await runExample("02_batch.ts", [cloud.url]);
  match(text, /^7: empty\n8: empty\n9: occupied\n/);
  match(text, /\n14: empty\n8 readings in one inference of \d rounds: \d+ ms/);
  const first = cloud.calls.filter((call) => call.includes("/rounds/0"));
  equal(first.length, 1);
});

Deno.test("example 03 uses a custom activation", async () => {
  const text = await runExample("03_own_activation.ts", []);
  match(text, /With SiLU: empty at night, occupied at noon\./);
});

Deno.test("example 04 keeps keys in SQLite", async () => {
  await using cloud = startCloud([await readPackage(occupancyFolder)]);
  const folder = await Deno.makeTempDir();
  try {
    const run = () =>
      runExample("04_own_key_store.ts", [cloud.url, `${folder}/gateway.db`], {
        CIPHERLAYER_PASSPHRASE: "a passphrase",
      });
    const first = await run();
    match(first, /The room is occupied\./);
    // The second run finds the key that the first has rotated to.
    const current = /current ([0-9a-f]{64})/.exec(first)?.[1];
    match(await run(), new RegExp(`retired ${current}`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("example 06 speaks the protocol by hand", async () => {
  await using cloud = startCloud([await readPackage(occupancyFolder)]);
  const text = await runExample("06_plain_fetch.ts", [cloud.url]);
  match(text, /^sessions: \d+ bytes up, \d+ down\nrounds\/0\?shard=0\/1: /);
  match(text, /The room is occupied\./);
});
