/** Sealed calls in shards, and what functions that bound calls, work and repetitions answer. */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { MemoryBudgetStore } from "../../functions/admission/budget.ts";
import { concat } from "../../sdk/support/bytes.ts";
import { decodeSealed, encodeSealed } from "../../sdk/wire/sealed_messages.ts";
import { startCloud } from "../support/cloud.ts";
import {
  labels,
  model,
  openSealed,
  sampleOf,
  sealedModel,
} from "../support/sealed_session.ts";
import { tinyModel } from "../reference/tiny_models.ts";

const budget = labels(Infinity);
/** Its first garbled call takes longer than calls may. */
const wide = sealedModel(
  tinyModel(9, [1, 12, 12], [
    { kind: "convolution", channels: 4, kernel: [3, 3], pool: "sum" },
    { kind: "dense", length: 4 },
  ]),
);
const shortCalls = { budget, limits: { maxMillisecondsPerCall: 4 } };

/** Bodies by path with shards, of sessions that are opened with its `fetch`. */
function recorder() {
  const bodies = new Map<string, Uint8Array>();
  const record: typeof fetch = (target, init) => {
    const { pathname, search } = new URL(`${target}`);
    bodies.set(pathname + search, init!.body as Uint8Array);
    return fetch(target, init);
  };
  return { bodies, record };
}

/** A reply to a linear call with another token. */
async function withToken(reply: Response): Promise<Response> {
  if (!reply.url.includes("/rounds/")) return reply;
  const message = decodeSealed("linearResponse", await reply.bytes());
  const token = concat(message.token, Uint8Array.of(0));
  return new Response(
    encodeSealed({ ...message, token }) as Uint8Array<ArrayBuffer>,
    { headers: { "content-type": "application/cbor" } },
  );
}

const ask = (url: string, path: string, body: Uint8Array) =>
  fetch(new URL(path, url), {
    method: "POST",
    headers: { "content-type": "application/cbor" },
    body: body as Uint8Array<ArrayBuffer>,
  });
const codeOf = async (reply: Promise<Response>) =>
  (await (await reply).json()).code as string;

Deno.test("where calls are bounded, a sealed inference asks for shards, of any instance", async (t) => {
  await using first = startCloud([wide], shortCalls);
  await using second = startCloud([wide], shortCalls);
  const { bodies, record } = recorder();
  let calls = 0, cheats = false;
  await using session = await openSealed(first.url, {
    model: wide.manifest.name,
    fetch: async (target, init) => {
      const { url } = calls++ % 2 === 0 ? first : second;
      const { pathname, search } = new URL(`${target}`);
      const reply = await record(new URL(pathname + search, url), init);
      return cheats && search.includes("=1/") ? await withToken(reply) : reply;
    },
  });
  const { reading, label } = sampleOf(3, wide);
  equal((await session.infer(reading)).predicted, label);
  const path = (shard: string) => `/v1/sealed/activations/0?shard=${shard}`;
  const { shards } = session.plan.rounds[0];
  equal(shards, 2);
  ok(bodies.has(path(`${shards - 1}/${shards}`)));
  ok(bodies.has(`/v1/sealed/rounds/0?shard=0/${shards}`));
  // Labels are told by one call alone.
  ok(bodies.has("/v1/sealed/activations/1"));
  const body = bodies.get(path(`0/${shards}`))!;

  await t.step("the same shard from both, byte for byte", async () => {
    for (const shard of [`0/${shards}`, `1/${shards}`]) {
      const replies = await Promise.all(
        [first, second].map(async ({ url }) =>
          (await ask(url, path(shard), body)).bytes()
        ),
      );
      deepEqual(replies[0], replies[1]);
    }
  });

  await t.step(
    "a shard is answered four times a minute by an instance",
    async () => {
      const statuses: number[] = [];
      let last: Response;
      do {
        last = await ask(first.url, path(`0/${shards}`), body);
        statuses.push(last.status);
        if (last.status === 200) await last.body?.cancel();
      } while (last.status === 200 && statuses.length < 20);
      // A minute may have ended in between.
      ok(statuses.length >= 3 && statuses.length <= 8, `${statuses}`);
      equal((await last.json()).code, "rate-limited");
      ok(Number(last.headers.get("retry-after")) <= 60);
    },
  );

  await t.step(
    "shards that carry different tokens end the inference",
    async () => {
      cheats = true;
      await rejects(session.infer(reading), {
        code: "token-mismatch",
        message: /shards carry different tokens/,
      });
    },
  );

  await t.step(
    "refuses other cuts than the plan's, and tokens that were altered",
    async () => {
      for (
        const shard of [`0/${shards + 1}`, "0/1", `${shards}/${shards}`, "x"]
      ) {
        equal(await codeOf(ask(first.url, path(shard), body)), "malformed");
      }
      equal(
        await codeOf(
          ask(first.url, "/v1/sealed/activations/1?shard=0/2", body),
        ),
        "token-mismatch",
      );
      const request = decodeSealed("activationRequest", body);
      const token = request.token.map((byte, i) => i === 40 ? byte ^ 1 : byte);
      const altered = encodeSealed({ ...request, token });
      equal(
        await codeOf(ask(first.url, path(`0/${shards}`), altered)),
        "token-altered",
      );
    },
  );
});

Deno.test("a caller's sealed calls are refused when they have been a minute's bytes", async () => {
  const clock = { nowMs: Date.now() };
  await using cloud = startCloud([model], {
    budget,
    clock: () => clock.nowMs,
    rates: {
      store: new MemoryBudgetStore(),
      // Set-up takes 194 kB of it.
      limits: { sealedBytesPerMinute: 1_000_000 },
    },
  });
  await using session = await openSealed(cloud.url, { retry: () => null });
  const { reading, label } = sampleOf(5);
  const infer = () =>
    session.infer(reading).then(
      ({ predicted }) => predicted,
      ({ code }) => code as string,
    );
  const outcomes: (number | string | undefined)[] = [];
  do outcomes.push(await infer()); while (
    outcomes.at(-1) === label && outcomes.length < 20
  );
  ok(outcomes.length > 1 && outcomes.length < 20, `${outcomes}`);
  equal(outcomes.at(-1), "rate-limited");
  clock.nowMs += 60_000;
  equal(await infer(), label);
});

Deno.test("transfers outlive their session: a renewed one goes on with them, for a day", async () => {
  const clock = { nowMs: Date.now() };
  await using cloud = startCloud([model], {
    budget,
    clock: () => clock.nowMs,
  });
  await using session = await openSealed(cloud.url);
  const { reading, label } = sampleOf(6);
  const count = (end: string) =>
    cloud.calls.filter((path) => path.endsWith(end)).length;
  equal((await session.infer(reading)).predicted, label);
  clock.nowMs += 2 * 60 * 60_000;
  equal((await session.infer(reading)).predicted, label);
  deepEqual([count("/sessions"), count("/transfers")], [2, 1]);
  // Beyond the day the functions refuse them: forgotten, and set up again.
  clock.nowMs += 24 * 60 * 60_000;
  await rejects(session.infer(reading), { code: "token-expired" });
  equal((await session.infer(reading)).predicted, label);
  equal(count("/transfers"), 2);
});
