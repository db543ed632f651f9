import { deepEqual, equal, match, rejects } from "node:assert/strict";
import type { RetryNotice } from "../../../sdk/session/events.ts";
import { exponentialBackoff } from "../../../sdk/session/retry.ts";
import { connect } from "../../../sdk/session/session.ts";
import type { ConnectOptions } from "../../../sdk/session/session_options.ts";
import { startCloud } from "../../support/cloud.ts";
import {
  expected,
  hurriedClock,
  key,
  model,
  open,
  reading,
} from "../../support/tiny_session.ts";

Deno.test("reports retries before there is a session, and waits for the cloud", async () => {
  const replies = [
    new Response("<html>", { headers: { "content-type": "text/html" } }),
    new Response(null, { status: 522 }),
    new Response(null, { status: 302, headers: { location: "/log-in" } }),
  ];
  await using cloud = startCloud([model], { intercept: () => replies.pop() });
  const notices: RetryNotice[] = [];
  await using session = await open(cloud.url, {
    retry: exponentialBackoff({ attempts: Infinity }),
    onRetry: (notice) => notices.push(notice),
  });
  deepEqual(notices.map(({ failures }) => failures), [1, 2, 3]);
  match(notices[0].error.message, /status 302 sends the call to http:/);
  match(notices[1].error.message, /status 522, bytes without a type/);
  match(notices[2].error.message, /got text\/html/);
  deepEqual((await session.infer(reading)).scores, expected);
});

Deno.test("shows the number of waiting inferences", async () => {
  await using cloud = startCloud([model]);
  await using session = await open(cloud.url);
  equal(session.waiting, 0);
  const waited: number[] = [];
  session.addEventListener("state", ({ detail }) => {
    if (detail.state === "encrypting" && detail.round === 0) {
      waited.push(session.waiting);
    }
  });
  const stop = new AbortController();
  const inferences = [
    session.infer(reading),
    session.infer(reading),
    session.infer(reading, { signal: stop.signal }),
    session.infer(reading),
  ];
  equal(session.waiting, 4);
  stop.abort();
  await Promise.allSettled(inferences);
  deepEqual(waited, [2, 1, 0]);
  equal(session.waiting, 0);
});

Deno.test("refuses a single reading in place of many by name", async () => {
  await using cloud = startCloud([model]);
  await using session = await open(cloud.url);
  const before = cloud.calls.length;
  for (const wrong of [reading, Float64Array.from(reading), null]) {
    await rejects(session.inferMany(wrong as never), {
      name: "TypeError",
      message: /^Cannot infer: expected readings to be an array of readings/,
    });
  }
  equal(cloud.calls.length, before);
});

const good = {
  url: "http://127.0.0.1:9",
  model: "m",
  keys: key,
  clock: hurriedClock,
};
for (
  const [name, wrong, message] of [
    ["url", "127.0.0.1:8000", /expected url to be an address such as/],
    ["model", "", /expected model to be a name/],
    ["model", undefined, /expected model to be a name/],
    ["keys", undefined, /expected keys to be a private key, a PaillierEngine/],
    ["keys", "gateway.key", /expected keys to be a private key/],
    ["token", null, /expected a token of letters/],
    ["timeoutMs", NaN, /expected timeoutMs above 0, got NaN/],
  ] as const
) {
  Deno.test(`connect refuses ${name} = ${wrong} by its name`, async () => {
    const options = { ...good, [name]: wrong } as unknown as ConnectOptions;
    await rejects(connect(options), { name: "TypeError", message });
  });
}
