import assert from "node:assert/strict";
import { FolderNonceStore } from "../../../functions/stores/spent_folder.ts";

const hourMs = 60 * 60 * 1000;

Deno.test("one of many simultaneous requests spends a token, for all processes that share the folder", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const stores = [1, 2, 3].map(() => new FolderNonceStore(folder));
    const expiresAt = Date.now() + hourMs;
    const answers = await Promise.all(
      Array.from(
        { length: 60 },
        (_, i) => stores[i % 3].spend("token", `request ${i}`, expiresAt),
      ),
    );
    assert.equal(new Set(answers).size, 1);
    assert.match(answers[0], /^request \d+$/);
    const later = new FolderNonceStore(folder);
    assert.equal(await later.spend("token", "another", expiresAt), answers[0]);
    assert.equal(await later.spend("other", "another", expiresAt), "another");
    const names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
    assert.deepEqual(names.sort(), ["other", "token"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("removes expired tokens from the folder and keeps others", async () => {
  const folder = await Deno.makeTempDir();
  try {
    let now = Date.now();
    const store = new FolderNonceStore(folder, () => now);
    await store.spend("early", "request", now + hourMs);
    now += 2 * hourMs;
    for (let i = 0; i < 1024; i++) {
      await store.spend("late", "request", now + hourMs);
    }
    const names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
    assert.deepEqual(names, ["late"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
