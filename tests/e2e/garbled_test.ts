/** Bytes that break on the way: without their digest, a ciphertext like any other. */
import { deepEqual, equal, match } from "node:assert/strict";
import { startCloud } from "../support/cloud.ts";
import { expected, model, open, reading } from "../support/tiny_session.ts";

function flipped(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  copy[Math.floor(copy.length * 0.7)] ^= 4;
  return copy;
}

/** Spoils the first request and the first answer of every round. */
function spoiling(spoilt: string[]): typeof fetch {
  const seen = new Map<string, number>();
  return async (target, init) => {
    const path = new URL(`${target}`).pathname;
    const times = (seen.get(path) ?? 0) + 1;
    seen.set(path, times);
    if (times === 1) {
      spoilt.push(`up ${path}`);
      const body = flipped(init!.body as Uint8Array);
      return await fetch(target, { ...init, body });
    }
    const response = await fetch(target, init);
    if (times > 2) return response;
    spoilt.push(`down ${path}`);
    return new Response(flipped(await response.bytes()), response);
  };
}

Deno.test("repeats a call after one altered bit in request or answer, and gives the right answer", async () => {
  await using cloud = startCloud([model]);
  const spoilt: string[] = [];
  const codes: string[] = [];
  await using session = await open(cloud.url, { fetch: spoiling(spoilt) });
  session.addEventListener("retry", ({ detail }) => {
    codes.push(detail.error.code);
  });
  deepEqual((await session.infer(reading)).scores, expected);
  const posts = 1 + model.manifest.rounds.length;
  equal(spoilt.length, 2 * posts);
  deepEqual(
    codes,
    model.manifest.rounds.flatMap(() => ["malformed", "network"]),
  );
});

Deno.test("the functions accept a request without a digest and always send their own", async () => {
  await using cloud = startCloud([model]);
  const digests: string[] = [];
  await using session = await open(cloud.url, {
    fetch: async (target, init) => {
      const { "content-digest": _, ...headers } = init!.headers as Record<
        string,
        string
      >;
      const response = await fetch(target, { ...init, headers });
      digests.push(response.headers.get("content-digest") ?? "none");
      return response;
    },
  });
  deepEqual((await session.infer(reading)).scores, expected);
  for (const digest of digests) match(digest, /^sha-256=:[\w+/]{43}=:$/);
});
