/** Broken on purpose: each fault with its status, code and message. */
import assert from "node:assert/strict";
import type { Hono } from "hono";
import { createApp } from "../../../functions/app.ts";
import { MemoryModelStore } from "../../../functions/models/memory_models.ts";
import {
  decodeSessionRequest,
  encodeRoundRequest,
  encodeSessionRequest,
} from "../../../sdk/wire/codec.ts";
import { bytesFromBigInt } from "../../../sdk/paillier/public/big_integer.ts";
import {
  CipherlayerError,
  type ErrorCode,
} from "../../../sdk/support/errors.ts";
import { inputCiphertexts } from "../../../sdk/fixed_point/layout.ts";
import type {
  RoundRequest,
  SessionResponse,
} from "../../../sdk/wire/messages.ts";
import { testKey } from "../../vectors/keys.ts";
import { tinyDense, tinyModel } from "../../reference/tiny_models.ts";
import {
  askRound,
  infer,
  modulus,
  owner,
  post,
  sealingKey,
  startSession,
} from "../../support/gateway.ts";

const model = tinyDense();
const { ciphertextBytes } = owner.publicKey;
let nowMs = 1_790_000_000_000;

function app(options: Partial<Parameters<typeof createApp>[0]> = {}): Hono {
  return createApp({
    models: new MemoryModelStore(model),
    sealingKey,
    insecureKeys: true,
    clock: () => nowMs,
    ...options,
  });
}

/** A session and a request for its round 0 that would succeed. */
async function goodRequest(
  functions: Hono,
): Promise<RoundRequest & { session: SessionResponse }> {
  const session = await startSession(functions, model.manifest.name);
  const count = inputCiphertexts(session.plan.rounds[0].layout);
  const ciphertexts = await owner.encryptBatch(Array(count).fill(1n));
  return { session, token: session.token, ciphertexts };
}

async function refused(
  call: Promise<unknown>,
  code: ErrorCode,
  message: RegExp,
): Promise<void> {
  await assert.rejects(call, (error) => {
    assert(error instanceof CipherlayerError, `${error}`);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.equal(error.retryable, false);
    return true;
  });
}

async function problem(
  response: Response | Promise<Response>,
  status: number,
  code: ErrorCode,
  detail: RegExp,
): Promise<void> {
  const answer = await response;
  assert.equal(answer.status, status);
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  const told = await answer.json();
  assert.deepEqual(
    Object.keys(told).sort(),
    ["code", "detail", "retryable", "status", "title", "type"],
  );
  assert.equal(told.code, code);
  assert.match(told.detail, detail);
}

Deno.test("refuses ciphertexts of another count, out of range or no units", async () => {
  const functions = app();
  const { token, ciphertexts } = await goodRequest(functions);
  const changed = (value: bigint) => {
    const copy = ciphertexts.slice();
    copy.set(bytesFromBigInt(value, ciphertextBytes), 2 * ciphertextBytes);
    return askRound([functions], 0, { token, ciphertexts: copy });
  };
  const n = owner.publicKey.modulus;
  const [p] = testKey(512).exportPrimes();

  await askRound([functions], 0, { token, ciphertexts });
  await refused(
    askRound([functions], 0, {
      token,
      ciphertexts: ciphertexts.slice(ciphertextBytes),
    }),
    "count-mismatch",
    /^Cannot evaluate round: expected \d+ ciphertexts of 128 bytes, got \d+ bytes$/,
  );
  await refused(
    changed(0n),
    "ciphertext-out-of-range",
    /^Cannot evaluate round: expected ciphertext 2 in \(0, N\^2\), got 0$/,
  );
  for (const value of [n * n, n * n + 1n, 2n ** 1024n - 1n]) {
    await refused(
      changed(value),
      "ciphertext-out-of-range",
      /expected ciphertext 2 in \(0, N\^2\), got a larger number$/,
    );
  }
  for (const value of [n, p, 5n * p, p * p]) {
    await refused(
      changed(value),
      "ciphertext-out-of-range",
      /^Cannot evaluate round: expected ciphertexts prime to N, got one that is not$/,
    );
  }
});

Deno.test("refuses bodies that are truncated, empty, of another type or too large", async () => {
  const functions = app();
  const { token, ciphertexts } = await goodRequest(functions);
  const body = encodeRoundRequest({ token, ciphertexts });
  const path = "/v1/rounds/0";
  for (const length of [0, 1, 40, body.length - 1]) {
    await problem(
      post(functions, path, body.slice(0, length)),
      400,
      "malformed",
      /^Cannot decode round request: expected one deterministic CBOR item/,
    );
  }
  await problem(
    functions.request(path, { method: "POST", body: "hello" }),
    400,
    "malformed",
    /expected content-type application\/cbor$/,
  );
  for (const target of [path, "/v1/sessions"]) {
    await problem(
      post(functions, target, new Uint8Array(100 * 2 ** 20)),
      413,
      "body-too-large",
      /^Cannot read body: expected at most 33554432 bytes$/,
    );
  }
});

Deno.test("a stated length above the limit is refused before a byte is read", async () => {
  let pulled = 0, cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(++pulled)),
    cancel: () => {
      cancelled = true;
    },
  }, { highWaterMark: 0 });
  const headers = {
    "content-type": "application/cbor",
    "content-length": String(100 * 2 ** 20),
  };
  await problem(
    app().request("/v1/sessions", { method: "POST", headers, body }),
    413,
    "body-too-large",
    /at most/,
  );
  assert.deepEqual([pulled, cancelled], [0, true]);
});

Deno.test("a length that only shows while reading is cut off at the limit", async () => {
  let pulled = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      pulled++;
      controller.enqueue(new Uint8Array(1000));
    },
  }, { highWaterMark: 0 });
  const functions = app({ limits: { bodyBytes: 10_000 } });
  await problem(
    functions.request("/v1/sessions", {
      method: "POST",
      headers: { "content-type": "application/cbor" },
      body,
    }),
    413,
    "body-too-large",
    /at most 10000 bytes$/,
  );
  assert.equal(pulled, 11);
});

Deno.test("refuses tokens altered anywhere, expired, of a skipped round or of another sealing key", async () => {
  const functions = app();
  const { token, ciphertexts, session } = await goodRequest(functions);
  const ask = (index: number, token: Uint8Array) =>
    askRound([functions], index, { token, ciphertexts });

  for (let at = 4; at < token.length; at += 11) {
    const altered = token.slice();
    altered[at] ^= 1;
    await refused(
      ask(0, altered),
      "token-altered",
      /^Cannot open token: its bytes are not what the functions sealed$/,
    );
  }
  await refused(
    ask(0, new Uint8Array(3)),
    "token-altered",
    /^Cannot open token: expected at least 20 bytes, got 3$/,
  );
  await refused(
    ask(1, token),
    "token-mismatch",
    /^Cannot evaluate round 1: expected a token for it, got one for round 0$/,
  );
  const { token: second } = await ask(0, token);
  await refused(
    ask(0, second),
    "token-mismatch",
    /^Cannot evaluate round 0: expected a token for it, got one for round 1$/,
  );
  const others = app({ sealingKey: new Uint8Array(32).fill(8) });
  await refused(
    askRound([others], 0, { token, ciphertexts }),
    "token-mismatch",
    /^Cannot open token: it was sealed under another key; start a new session$/,
  );

  const start = nowMs;
  nowMs = session.expiresAt + 60_000;
  await ask(0, token);
  nowMs++;
  await refused(
    ask(0, token),
    "token-expired",
    /^Cannot open token: it expired at 20.*Z; start a new session$/,
  );
  // A token of a later round expires with its session.
  await refused(ask(1, second), "token-expired", /it expired at/);
  nowMs = start;
});

Deno.test("refuses tokens of another model, version or plan, and of a model that is gone", async () => {
  const other = tinyModel(9, [30], [
    { kind: "dense", length: 4 },
    { kind: "dense", length: 2 },
  ]);
  const functions = app({ models: new MemoryModelStore(model, other) });
  const { token, ciphertexts } = await goodRequest(functions);
  const ask = (app: Hono, token: Uint8Array) =>
    askRound([app], 0, { token, ciphertexts });

  const { token: foreign } = await startSession(functions, other.manifest.name);
  await refused(ask(functions, foreign), "count-mismatch", /expected \d+/);

  const newer = structuredClone(model);
  newer.manifest.version = "2";
  await refused(
    ask(app({ models: new MemoryModelStore(newer) }), token),
    "model-changed",
    /^Cannot go on: model tiny-4 was version 1 and is now 2; start a new session$/,
  );
  const replanned = structuredClone(model);
  replanned.manifest.rounds[0].bound *= 4;
  await refused(
    ask(app({ models: new MemoryModelStore(replanned) }), token),
    "token-mismatch",
    /^Cannot go on: the token was sealed for another plan; start a new session$/,
  );
  await refused(
    ask(app({ models: new MemoryModelStore(other) }), token),
    "model-not-found",
    /^Cannot find model "tiny-4"; these functions serve tiny-9$/,
  );
  await refused(
    startSession(functions, "../../etc"),
    "model-not-found",
    /^Cannot find model "..\/..\/etc"; these functions serve tiny-/,
  );
});

Deno.test("refuses keys that are even, too short, without proof or padded", async () => {
  const start = async (
    functions: Hono,
    change: (request: ReturnType<typeof decodeSessionRequest>) => void,
  ) => {
    const request = {
      model: model.manifest.name,
      modulus: modulus.slice(),
      proof: (await owner.keyProof()).map((root) => root.slice()),
      samples: 1,
    };
    change(request);
    return post(functions, "/v1/sessions", encodeSessionRequest(request));
  };
  const functions = app();
  assert.equal((await start(functions, () => {})).status, 200);
  await problem(
    start(app({ insecureKeys: false }), () => {}),
    422,
    "key-rejected",
    /^Cannot accept public key: expected a modulus of 2048, 3072, 4096 bits, got 512$/,
  );
  await problem(
    start(functions, (request) => request.modulus[63] ^= 1),
    422,
    "key-rejected",
    /^Cannot accept public key: expected a modulus without small prime factors/,
  );
  const even = testKey(2048).publicKey.modulus + 1n;
  await problem(
    start(app({ insecureKeys: false }), (request) => {
      request.modulus = bytesFromBigInt(even, 256);
    }),
    422,
    "key-rejected",
    /small prime factors/,
  );
  await problem(
    start(functions, (request) => request.proof.pop()),
    422,
    "key-rejected",
    /expected a proof of 8 roots, got 7$/,
  );
  await problem(
    start(functions, (request) => request.proof[3][60] ^= 4),
    422,
    "key-rejected",
    /expected root 3 to solve its challenge/,
  );
  await problem(
    start(functions, (request) => {
      request.modulus = Uint8Array.of(0, ...request.modulus);
    }),
    422,
    "key-rejected",
    /expected 64 bytes without leading zeros, got 65$/,
  );
  await problem(
    start(functions, (request) => request.samples = 5000),
    422,
    "unsupported",
    /expected at most 4096 samples, got 5000$/,
  );
  await problem(
    start(functions, (request) => request.samples = 4000),
    422,
    "unsupported",
    /^Cannot plan round "round0": .*4000 samples/,
  );
});

Deno.test("refuses shards and paths that do not exist", async () => {
  const functions = app();
  const { token, ciphertexts } = await goodRequest(functions);
  const body = encodeRoundRequest({ token, ciphertexts });
  for (const shard of ["", "1", "1/1", "2/1", "-1/2", "0/0", "0/65", "a/b"]) {
    await problem(
      post(functions, `/v1/rounds/0?shard=${shard}`, body),
      400,
      "malformed",
      /^Cannot read shard: expected i\/k with i < k <= 64$/,
    );
  }
  for (const path of ["/v1/rounds/x", "/v2/sessions", "/"]) {
    await problem(
      post(functions, path, body),
      404,
      "malformed",
      /Cannot serve/,
    );
  }
});

Deno.test("a fault of the functions reveals no details", async () => {
  const silenced = console.error;
  console.error = () => {};
  try {
    const functions = app({
      models: {
        list: () => Promise.reject(new Error("password at /secret/path")),
        load: () => Promise.reject(new Error("password at /secret/path")),
      },
    });
    const response = await functions.request("/v1/models");
    const text = await response.text();
    assert.equal(response.status, 500);
    assert(!/secret|password|Error:|\.ts/.test(text), text);
    assert.equal(JSON.parse(text).code, "server-fault");
  } finally {
    console.error = silenced;
  }
});

Deno.test("after every fault the same session still works", async () => {
  const functions = app();
  const { session } = await goodRequest(functions);
  await infer([functions], session, [new Float64Array(9).fill(1)]);
});
