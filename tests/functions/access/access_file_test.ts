import assert from "node:assert/strict";
import { AccessFile } from "../../../functions/access/access_file.ts";
import {
  makeToken,
  tokenDigest,
} from "../../../functions/access/bearer_token.ts";
import { platformRandom } from "../../../sdk/support/random.ts";

Deno.test("a changed access file counts once it is written; a broken one is reported once and ignored", async (t) => {
  const path = await Deno.makeTempFile();
  const [kept, taken] = [makeToken(platformRandom), makeToken(platformRandom)];
  const line = (token: string) =>
    JSON.stringify({
      account: "a",
      roles: ["client"],
      models: "all",
      sha256: tokenDigest(token),
    }) + "\n";
  /** Written whole, so many seconds ago. */
  let secondsAgo = 1000;
  const write = async (text: string) => {
    await Deno.writeTextFile(path, text);
    const at = new Date(Date.now() - 1000 * secondsAgo--);
    await Deno.utime(path, at, at);
  };
  await write(line(kept) + line(taken));
  const access = await AccessFile.open(path);
  const known = async (token: string) =>
    await access.identify(
      new Request("http://localhost", {
        headers: { authorization: `Bearer ${token}` },
      }),
    ) !== null;
  const printed: string[] = [];
  const print = console.error;
  console.error = (text: string) => printed.push(text);
  try {
    await t.step("both", async () => {
      assert.deepEqual([await known(kept), await known(taken)], [true, true]);
    });
    await t.step("one line less", async () => {
      await write(line(kept));
      assert.deepEqual([await known(kept), await known(taken)], [true, false]);
    });
    await t.step("half a line", async () => {
      await write(line(taken).slice(0, 30));
      assert.deepEqual([await known(kept), await known(taken)], [true, false]);
      await known(kept);
      assert.deepEqual(printed, [
        "Cannot read access, line 1: expected a JSON object: the list read before stays in force",
      ]);
    });
    await t.step("being written: cut at a line's end, or empty", async () => {
      await write(line(kept) + line(taken));
      assert.deepEqual([await known(kept), await known(taken)], [true, true]);
      await Deno.writeTextFile(path, line(kept));
      assert.deepEqual([await known(kept), await known(taken)], [true, true]);
      await write("");
      assert.deepEqual([await known(kept), await known(taken)], [true, true]);
      assert.match(printed.pop()!, /expected a line or more, got none/);
      await write(line(kept));
      assert.deepEqual([await known(kept), await known(taken)], [true, false]);
    });
    await t.step("gone, and back with the other line", async () => {
      await Deno.remove(path);
      assert.equal(await known(kept), true);
      assert.equal(printed.length, 2);
      await write(line(taken) + "\n");
      assert.deepEqual([await known(kept), await known(taken)], [false, true]);
    });
  } finally {
    console.error = print;
    await Deno.remove(path);
  }
});

Deno.test("a list that is wrong from the start stops the functions", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "{}");
  await assert.rejects(
    AccessFile.open(path),
    /^RangeError: Cannot read access, line 1/,
  );
  await Deno.remove(path);
  await assert.rejects(AccessFile.open(path), /no such file/);
});

Deno.test("a list that an editor on Windows has saved is read", async () => {
  const path = await Deno.makeTempFile();
  const token = makeToken(platformRandom);
  const entry = {
    account: "a",
    roles: ["client"],
    models: "all",
    sha256: tokenDigest(token),
  };
  await Deno.writeTextFile(path, `\ufeff${JSON.stringify(entry)}\r\n`);
  const access = await AccessFile.open(path);
  const headers = { authorization: `Bearer ${token}` };
  const request = new Request("http://localhost", { headers });
  assert.equal((await access.identify(request))?.account, "a");
  await Deno.remove(path);
});
