/** What becomes of readings that a caller changes after the call. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { expired, startCloud } from "../../support/cloud.ts";
import {
  expected,
  integers,
  model,
  open,
  reading,
  scoresOf,
} from "../../support/tiny_session.ts";

const [{ scale: [scale], offset: [offset], high }] = model.manifest.inputs;
const reals = (quantised: Float64Array) =>
  quantised.map((integer) => integer * scale + offset);
const mirrored = integers.toReversed();
const zero = integers.map(() => 0);

Deno.test("queued inferences answer what one buffer held at each call", async () => {
  await using cloud = startCloud([model]);
  await using session = await open(cloud.url);
  const held = [integers, mirrored, zero];
  const buffer = new Float64Array(integers.length);
  const answers = await Promise.all(held.map((quantised) => {
    buffer.set(reals(quantised));
    return session.infer(buffer);
  }));
  deepEqual(answers.map(({ scores }) => scores), held.map(scoresOf));
  equal(new Set(answers.map(({ scores }) => `${scores}`)).size, 3);
});

Deno.test("a buffer that is filled anew during the first round changes nothing", async () => {
  const first = Float64Array.from(reading), second = reals(mirrored);
  let rounds = 0;
  await using cloud = startCloud([model], {
    intercept: ({ url }) => {
      if (!url.includes("/rounds/") || rounds++ > 0) return;
      // One would give another answer, the other is out of range.
      first.fill(reals(zero)[0]);
      second.fill((high + 1) * scale + offset);
      return expired();
    },
  });
  await using session = await open(cloud.url);
  const answers = await session.inferMany([first, second]);
  deepEqual(answers.map(({ scores }) => scores), [
    expected,
    scoresOf(mirrored),
  ]);
  equal(cloud.calls.filter((call) => call === "/v1/sessions").length, 2);
});

Deno.test("a reading that is refused rejects, and nothing is sent", async () => {
  await using cloud = startCloud([model]);
  await using session = await open(cloud.url);
  const before = cloud.calls.length;
  const beyond = reals(integers).fill((high + 1) * scale + offset);
  await rejects(session.inferMany([reading, beyond]), RangeError);
  await rejects(session.infer(["1"] as never), TypeError);
  equal(session.waiting, 0);
  equal(cloud.calls.length, before);
});
