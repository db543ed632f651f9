import assert from "node:assert/strict";
import {
  bytesOf,
  defaultCacheBytes,
  ModelCache,
} from "../../../functions/models/model_cache.ts";
import { tinyDense } from "../../reference/tiny_models.ts";

Deno.test("loaded packages stay within a bound, the one used last always among them; each is read once", async () => {
  const reads: string[] = [];
  const models = new Map(["a", "b", "c"].map((key) => [key, tinyDense()]));
  const bytes = bytesOf(models.get("a")!);
  // A thousand of the smallest do not fit into what is set aside.
  assert(1000 * bytes > defaultCacheBytes);
  const load = (cache: ModelCache, key: string) =>
    cache.get(key, () => {
      reads.push(key);
      return Promise.resolve(models.get(key)!);
    });
  const two = new ModelCache(2 * bytes);
  const both = await Promise.all([load(two, "a"), load(two, "a")]);
  assert.equal(both[0], both[1]);
  for (const key of ["b", "a", "c", "a", "c", "b"]) {
    assert.equal(await load(two, key), models.get(key));
  }
  assert.deepEqual(reads, ["a", "b", "c", "b"]);

  reads.length = 0;
  const none = new ModelCache(0);
  for (const key of ["a", "a", "b", "a"]) await load(none, key);
  assert.deepEqual(reads, ["a", "b", "a"]);
  await assert.rejects(
    none.get("d", () => Promise.reject(new Error("unsound"))),
    /unsound/,
  );
  assert.equal(await none.get("d", () => Promise.resolve(both[0])), both[0]);
});
