/** Work that each new gateway asks for once. */
import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { FirstContacts } from "../../../functions/admission/first_contacts.ts";
import type { CipherlayerError } from "../../../sdk/support/errors.ts";

Deno.test("admits one at a time, in order, whatever happens to those before", async () => {
  const contacts = new FirstContacts(3, 1000);
  const log: string[] = [];
  let running = 0;
  const work = (name: string, fails: boolean) => async () => {
    equal(++running, 1);
    await new Promise((resolve) => setTimeout(resolve, 0));
    running--;
    log.push(name);
    if (fails) throw new TypeError(name);
    return name;
  };
  const first = contacts.run(work("a", false));
  const second = contacts.run(work("b", true));
  const third = contacts.run(work("c", false));
  await rejects(second, /b/);
  deepEqual([await first, await third], ["a", "c"]);
  deepEqual(log, ["a", "b", "c"]);
});

Deno.test("refuses one too many at once, with the time that those before take", async () => {
  let nowMs = 0;
  const contacts = new FirstContacts(1, 1000, () => nowMs);
  const ends = Promise.withResolvers<void>();
  const works = [0, 1].map(() => contacts.run(() => ends.promise));
  const refused = (retryAfterMs: number) => (error: CipherlayerError) => {
    deepEqual(
      [error.code, error.retryable, error.retryAfterMs],
      ["overloaded", true, retryAfterMs],
    );
    return true;
  };
  throws(() => contacts.run(() => ends.promise), refused(2000));
  await Promise.resolve();
  nowMs = 500;
  ends.resolve();
  await Promise.all(works);
  // One took 500 ms, the other none.
  const never = new Promise<void>(() => {});
  void contacts.run(() => never);
  void contacts.run(() => never);
  throws(() => contacts.run(() => never), refused(2 * 0.8 * 900));
});
