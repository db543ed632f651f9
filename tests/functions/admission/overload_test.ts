/** More calls than the functions can take, over HTTP: each is right, or told when to come back. */
import assert from "node:assert/strict";
import type { Access } from "../../../functions/access/principal.ts";
import { readBody } from "../../../functions/admission/body.ts";
import { Gate } from "../../../functions/admission/gate.ts";
import { defaultLimits } from "../../../functions/admission/limits.ts";
import { exponentialBackoff } from "../../../sdk/session/retry.ts";
import { inputCiphertexts } from "../../../sdk/fixed_point/layout.ts";
import { encodeRoundRequest } from "../../../sdk/wire/codec.ts";
import * as tiny from "../../support/tiny_session.ts";
import { serve } from "../../support/serve_with_access.ts";
import { owner, post, startSession } from "../../support/gateway.ts";

const { name } = tiny.model.manifest;

async function firstRound(url: string) {
  const functions = {
    request: (path: string, init: RequestInit) => fetch(url + path, init),
  };
  const { token, plan } = await startSession(functions, name);
  const ciphertexts = await owner.encryptBatch(
    Array(inputCiphertexts(plan.rounds[0].layout)).fill(1n),
  );
  const body = encodeRoundRequest({ token, ciphertexts });
  return { body, ask: () => post(functions, "/v1/rounds/0", body) };
}

Deno.test("answers each call of a burst right, or refuses it with Retry-After", async () => {
  const gate = new Gate({ running: 1, waiting: 4 });
  await using served = serve([tiny.model], { gate });
  const { ask } = await firstRound(served.url);
  const expected = await (await ask()).bytes();
  let right = 0, refused = 0;
  await Promise.all(Array.from({ length: 60 }, async () => {
    const response = await ask();
    if (response.ok) {
      assert.deepEqual(await response.bytes(), expected);
      right++;
      return;
    }
    const { code, retryable, status } = await response.json();
    assert.deepEqual(
      [response.status, status, code, retryable],
      [503, 503, "overloaded", true],
    );
    assert.match(response.headers.get("retry-after")!, /^[1-9]\d?$/);
    refused++;
  }));
  assert.equal(right + refused, 60);
  assert(right >= 5 && refused > 0, `${right} right, ${refused} refused`);
  assert.deepEqual([gate.running, gate.waiting, gate.bodyBytes], [0, 0, 0]);
});

Deno.test("gateways that honour Retry-After lose no inference", async () => {
  const gate = new Gate({ running: 1, waiting: 3 });
  await using served = serve([tiny.model], { gate });
  // Full until every gateway has been refused once.
  const others = Array.from(
    { length: 4 },
    () => gate.admit({ caller: "test", startsSession: false }),
  );
  let retries = 0;
  const scores = await Promise.all(Array.from({ length: 8 }, async () => {
    await using session = await tiny.open(served.url, {
      // As many tries as it takes, at an instant: the clock does not wait.
      retry: (failures, error) => {
        assert.equal(error.code, "overloaded");
        assert(error.retryAfterMs >= 1000);
        if (++retries === 8) { for (const place of others) place.leave(); }
        return exponentialBackoff({ attempts: 1e6 })(
          Math.min(failures, 30),
          error,
        );
      },
      clock: {
        now: () => performance.now(),
        wait: () => new Promise((done) => setTimeout(done, 0)),
      },
    });
    return (await session.infer(tiny.reading)).scores;
  }));
  for (const each of scores) assert.deepEqual(each, tiny.expected);
  assert(retries >= 8);
});

Deno.test("a call that waits and goes away gives its place to others", async () => {
  const gate = new Gate({ running: 1, waiting: 2 });
  await using served = serve([tiny.model], { gate });
  const { body } = await firstRound(served.url);
  const blocker = gate.admit({ caller: "test", startsSession: false });
  const { signal } = new AbortController();
  await blocker.turn(signal, { predictedMs: 1000, shards: 1 });
  const light = gate.admit({ caller: "test", startsSession: false });
  await light.turn(signal, { predictedMs: 1, shards: 1 });
  const client = new AbortController();
  const waiting = fetch(`${served.url}/v1/rounds/0`, {
    method: "POST",
    headers: { "content-type": "application/cbor" },
    body: body as Uint8Array<ArrayBuffer>,
    signal: client.signal,
  });
  while (gate.waiting === 0) await new Promise((done) => setTimeout(done, 1));
  client.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  while (gate.waiting > 0) await new Promise((done) => setTimeout(done, 1));
  blocker.leave();
  light.leave();
  assert.deepEqual([gate.running, gate.bodyBytes], [0, 0]);
});

Deno.test("bodies beyond the memory for them are refused while they come", async () => {
  const gate = new Gate({ bodyBytes: 100_000 });
  await using served = serve([tiny.model], { gate });
  const { ask } = await firstRound(served.url);
  using slow = await beginPost(served.url, ["content-length: 100000"]);
  await slow.write("x".repeat(1000));
  while (gate.bodyBytes < 100_000) {
    await new Promise((done) => setTimeout(done, 1));
  }
  const refused = await ask();
  assert.equal((await refused.json()).code, "overloaded");
  assert.match(refused.headers.get("retry-after")!, /^\d+$/);
  await slow.write("x".repeat(99_000));
  assert.match(await slow.answer(), /"code":"malformed"/);
  const answered = await ask();
  assert.equal(answered.status, 200);
  await answered.body?.cancel();
});

Deno.test("a body that neither grows nor ends is given up, and its connection to be closed", async () => {
  const gate = new Gate();
  await using served = serve([tiny.model], {
    gate,
    limits: { bodyPatienceMs: 1 },
  });
  using call = await beginPost(served.url, ["content-length: 100"]);
  await call.write("three bytes");
  const answer = await call.answer();
  assert.match(answer, /^HTTP\/1\.1 400 /);
  const { code, retryable, detail } = JSON.parse(answer.split("\r\n\r\n")[1]);
  assert.deepEqual([code, retryable], ["malformed", true]);
  assert.match(detail, /expected 1 bytes or its end in each 1 ms$/);
  assert.match(answer, /\r\nconnection: close\r\n/);
  assert.deepEqual([gate.waiting, gate.bodyBytes], [0, 0]);
});

/** A POST whose body comes by hand. */
async function beginPost(
  url: string,
  headers: string[],
  { path = "/v1/rounds/0", host = "functions" } = {},
) {
  const connection = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(url).port),
  });
  const head = [
    `POST ${path} HTTP/1.1`,
    `host: ${host}`,
    "content-type: application/cbor",
    ...headers,
  ];
  const write = (text: string) =>
    connection.write(new TextEncoder().encode(text));
  await write(head.join("\r\n") + "\r\n\r\n");
  const answer = async () => {
    const buffer = new Uint8Array(10_000);
    const length = await connection.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, length ?? 0));
  };
  return { write, answer, [Symbol.dispose]: () => connection.close() };
}

Deno.test("bodies of no stated length are refused unread wherever they are sent, and their connections to be closed", async () => {
  await using served = serve([tiny.model]);
  for (const path of ["/v1/rounds/0", "/healthz", "/v1/nowhere"]) {
    using call = await beginPost(
      served.url,
      ["transfer-encoding: chunked"],
      { path },
    );
    const answer = await call.answer();
    assert.match(answer, /^HTTP\/1\.1 411 /);
    assert.match(answer, /expected a content-length, got a transfer-encoding/);
    assert.match(answer, /\r\nconnection: close\r\n/);
  }
});

Deno.test("calls to a host that is none are refused", async () => {
  await using served = serve([tiny.model]);
  for (const host of ["[::", "a:99999", "%"]) {
    for (const path of ["/v1/sessions", "/v1/rounds/0?shard=0/1"]) {
      using call = await beginPost(
        served.url,
        ["content-length: 5"],
        { path, host },
      );
      const answer = await call.answer();
      assert.match(answer, /^HTTP\/1\.1 400 /, host);
    }
  }
});

Deno.test("chunks of a byte are refused before they take memory", async () => {
  let sent = 0, heldBytes = 0;
  const body = new ReadableStream({
    pull(controller) {
      sent++;
      controller.enqueue(new Uint8Array(1));
    },
  }, { highWaterMark: 0 });
  const request = new Request("http://x", { method: "POST", body });
  await assert.rejects(
    readBody(request, defaultLimits, (bytes) => heldBytes += bytes),
    /expected chunks of 16 bytes or more on average/,
  );
  assert(sent < 300, `${sent}`);
  assert(heldBytes <= 2 ** 14, `${heldBytes}`);
});

Deno.test("bodies that come slowly keep nobody out", async () => {
  const gate = new Gate({ running: 1, waiting: 2 });
  await using served = serve([tiny.model], { gate });
  const { ask } = await firstRound(served.url);
  using stack = new DisposableStack();
  for (let i = 0; i < 10; i++) {
    const call = stack.use(
      await beginPost(served.url, ["content-length: 1000"]),
    );
    await call.write("a few bytes");
  }
  while (gate.bodyBytes < 10_000) {
    await new Promise((done) => setTimeout(done, 1));
  }
  const answered = await ask();
  assert.equal(answered.status, 200);
  await answered.body?.cancel();
});

Deno.test("compressed bodies are refused unread", async () => {
  await using served = serve([tiny.model]);
  const response = await fetch(`${served.url}/v1/rounds/0`, {
    method: "POST",
    headers: {
      "content-type": "application/cbor",
      "content-encoding": "gzip",
    },
    body: new Uint8Array(100),
  });
  assert.equal(response.status, 415);
  assert.equal((await response.json()).code, "malformed");
});

Deno.test("lists of models and what owners do take places, and are refused while the functions stop", async () => {
  const gate = new Gate({ running: 1, waiting: 1 });
  const everybody: Access = {
    identify: () =>
      Promise.resolve({
        account: "acme",
        roles: ["client", "owner"],
        models: "all",
      }),
  };
  await using served = serve([tiny.model], { gate, access: everybody });
  const calls = [
    ["GET", "/v1/models", 200],
    ["GET", `/v1/models/${name}`, 200],
    // No store for uploads: what is let in gets that answer.
    ["GET", "/v1/admin/models", 422],
    ["PUT", `/v1/admin/models/${name}/uploads`, 422],
  ] as const;
  const answers = () =>
    Promise.all(calls.map(async ([method, path]) => {
      const body = method === "PUT" ? new Uint8Array(100_000) : undefined;
      const response = await fetch(served.url + path, { method, body });
      await response.body?.cancel();
      return [response.status, response.headers.get("retry-after")];
    }));
  const refused = calls.map(() => [503, "1"]);

  const place = gate.admit({ caller: "test", startsSession: false });
  assert.deepEqual(await answers(), refused);
  place.leave();
  for (const [method, path, status] of calls) {
    const response = await fetch(served.url + path, { method });
    await response.body?.cancel();
    assert.equal(response.status, status, path);
  }
  assert.deepEqual([gate.running, gate.waiting], [0, 0]);
  gate.drain();
  assert.deepEqual(await answers(), refused);
});

Deno.test("an instance that stops costs a call one retry of about a second, at another", async () => {
  const gate = new Gate();
  await using stopping = serve([tiny.model], { gate });
  await using other = serve([tiny.model]);
  const delaysMs: number[] = [];
  let isOut = false;
  await using session = await tiny.open(stopping.url, {
    // A balancer that asks for readiness, and so learns of the end a call later.
    fetch: async (input, init) => {
      const url = `${input}`;
      const response = await fetch(
        isOut ? url.replace(stopping.url, other.url) : url,
        init,
      );
      isOut ||= response.status === 503;
      return response;
    },
    retry: (failures, error) => {
      const delayMs = exponentialBackoff()(failures, error)!;
      assert.deepEqual([error.code, failures], ["overloaded", 1]);
      delaysMs.push(delayMs);
      return delayMs;
    },
    clock: {
      now: () => performance.now(),
      wait: () => new Promise((done) => setTimeout(done, 0)),
    },
  });
  assert.deepEqual((await session.infer(tiny.reading)).scores, tiny.expected);
  gate.drain();
  assert.deepEqual((await session.infer(tiny.reading)).scores, tiny.expected);
  assert(delaysMs.length > 0);
  assert(Math.max(...delaysMs) <= 1250, `${delaysMs}`);
});

Deno.test("sessions that start take no turns of light rounds", async () => {
  const gate = new Gate({ running: 1 });
  await using served = serve([tiny.model], { gate });
  const { signal } = new AbortController();
  const blocker = gate.admit({ caller: "test", startsSession: false });
  await blocker.turn(signal, { predictedMs: 1000, shards: 1 });
  const starting = tiny.open(served.url);
  while (gate.waiting === 0) await new Promise((done) => setTimeout(done, 1));
  const light = gate.admit({ caller: "test", startsSession: false });
  await light.turn(signal, { predictedMs: 1, shards: 1 });
  assert.equal(gate.waiting, 1);
  light.leave();
  blocker.leave();
  await using _ = await starting;
});
