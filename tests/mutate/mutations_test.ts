/**
 * The list that `deno task mutate` works through, which is no part of CI, can be applied.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { findLost } from "./main.ts";
import { mutations } from "./mutations.ts";

Deno.test("every mutation's text stands once in its file, and its tests are there", async () => {
  ok(mutations.length >= 80);
  equal(new Set(mutations.map(({ name }) => name)).size, mutations.length);
  const { lost } = await findLost(mutations);
  deepEqual(lost, []);
  const tests = new Set(mutations.flatMap(({ tests }) => tests));
  deepEqual([...tests].filter((path) => !existsSync(path)), []);
});

Deno.test("a text that stands nowhere is lost", async () => {
  const [mutation] = mutations;
  const { lost } = await findLost([{ ...mutation, find: "stands nowhere" }]);
  equal(lost.length, 1);
});
