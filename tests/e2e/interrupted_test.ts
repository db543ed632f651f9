/** Inferences whose network, cloud or credentials fail in the middle: one answer each. */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { simulate } from "../../models/simulate/simulate.ts";
import type { Clock } from "../../sdk/support/clock.ts";
import { connect } from "../../sdk/session/session.ts";
import type { ConnectOptions } from "../../sdk/session/session_options.ts";
import { randomReading, tinyLeNet } from "../reference/tiny_models.ts";
import { testKey } from "../vectors/keys.ts";
import { startCloud } from "../support/cloud.ts";

const model = tinyLeNet();
const [{ scale: [scale], offset: [offset] }] = model.manifest.inputs;
const seeds = [5, 6];
const readings = seeds.map((seed) =>
  Array.from(randomReading(model, seed), (integer) => integer * scale + offset)
);
const expected = seeds.map((seed) =>
  Array.from(simulate(model, randomReading(model, seed)).scores)
);

const hurriedClock: Clock = {
  now: () => performance.now(),
  wait: () => Promise.resolve(),
};

function open(url: string, options: Partial<ConnectOptions> = {}) {
  return connect({
    url,
    model: model.manifest.name,
    keys: testKey(512),
    clock: hurriedClock,
    ...options,
  });
}

/** A port that passes bytes on to the cloud and breaks connections when told. */
function startProxy(target: number) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let bodyBytes: number | null = null;
  let broken = 0;
  const serve = async () => {
    for await (const near of listener) {
      const far = await Deno.connect({ hostname: "127.0.0.1", port: target });
      const close = () => {
        for (const end of [near, far]) {
          try {
            end.close();
          } catch {
            // The other direction has closed it.
          }
        }
      };
      near.readable.pipeTo(far.writable, { preventClose: true })
        .catch(() => {}).finally(close);
      far.readable.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            const text = new TextDecoder("latin1").decode(chunk);
            const head = text.indexOf("\r\n\r\n") + 4;
            if (bodyBytes === null || head < 4) {
              return controller.enqueue(chunk);
            }
            controller.enqueue(chunk.subarray(0, head + bodyBytes));
            bodyBytes = null;
            broken++;
            controller.terminate();
          },
        }),
      ).pipeTo(near.writable, { preventClose: true })
        .catch(() => {}).finally(close);
    }
  };
  const served = serve();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    /** Breaks a connection, once, after so many bytes of an answer's body. */
    breakAfter: (bytes: number) => bodyBytes = bytes,
    get broken() {
      return broken;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await served;
    },
  };
}

Deno.test({
  name:
    "repeats a round byte for byte after a broken connection, never from the start",
  sanitizeResources: false, // Broken connections close in their own time.
  sanitizeOps: false,
  async fn() {
    const bodies = new Map<string, Set<string>>();
    await using cloud = startCloud([model], {
      intercept: async (request) => {
        const path = new URL(request.url).pathname;
        const body = (await request.clone().bytes()).join();
        bodies.set(path, (bodies.get(path) ?? new Set()).add(body));
        return undefined;
      },
    });
    await using proxy = startProxy(cloud.port);
    let retries = 0;
    {
      await using session = await open(proxy.url, { retry: () => 1 });
      session.addEventListener("retry", ({ detail }) => {
        equal(detail.error.code, "network");
        retries++;
      });
      session.addEventListener("state", ({ detail }) => {
        if (detail.state === "encrypting") proxy.breakAfter(50);
      });
      deepEqual((await session.infer(readings[0])).scores, expected[0]);
    }
    equal(retries, model.manifest.rounds.length);
    equal(proxy.broken, retries);
    for (const [path, sent] of bodies) equal(sent.size, 1, path);
  },
});

Deno.test("restarts an inference once when the cloud comes back with another sealing key", async () => {
  let cloud = startCloud([model]);
  const { port } = cloud;
  const restarted = Promise.withResolvers<void>();
  let restarting = false;
  const rounds: number[] = [];
  {
    await using session = await open(cloud.url, {
      retry: () => 1,
      clock: { ...hurriedClock, wait: () => restarted.promise },
    });
    session.addEventListener("round", ({ detail }) => {
      rounds.push(detail.round);
    });
    session.addEventListener("state", async ({ detail }) => {
      if (restarting || detail.state !== "evaluating" || detail.round !== 2) {
        return;
      }
      restarting = true;
      await cloud.stop();
      cloud = startCloud([model], {
        port,
        sealingKey: new Uint8Array(32).fill(9),
      });
      restarted.resolve();
    });
    deepEqual((await session.infer(readings[0])).scores, expected[0]);
  }
  // Round 2 may have been answered before the cloud went.
  const again = rounds.lastIndexOf(0);
  ok(again >= 2, `${rounds}`);
  deepEqual(rounds.slice(again), [0, 1, 2, 3]);
  equal(cloud.calls.filter((call) => call === "/v1/sessions").length, 1);
  await cloud.stop();
});

Deno.test("aborts a waiting inference at once; the next one still waits", async () => {
  const goOn = Promise.withResolvers<void>();
  let first = true;
  await using cloud = startCloud([model], {
    intercept: async ({ url }) => {
      if (url.includes("/rounds/1") && first) {
        first = false;
        await goOn.promise;
      }
      return undefined;
    },
  });
  await using session = await open(cloud.url);
  const done: string[] = [];
  const running = session.infer(readings[0]);
  const stop = new AbortController();
  const waiting = rejects(
    session.infer(readings[1], { signal: stop.signal }),
    /changed my mind/,
  );
  const last = session.infer(readings[1]).then((answer) => {
    done.push("last");
    return answer;
  });
  running.then(() => done.push("running"));
  stop.abort(new Error("changed my mind"));
  await waiting;
  deepEqual(done, []);
  goOn.resolve();
  deepEqual((await running).scores, expected[0]);
  deepEqual((await last).scores, expected[1]);
  deepEqual(done, ["running", "last"]);
});

Deno.test("a session infers again after an inference was given up", async () => {
  let away = true;
  await using cloud = startCloud([model], {
    intercept: ({ url }) =>
      away && url.includes("/rounds/1")
        ? new Response(null, { status: 503 })
        : undefined,
  });
  await using session = await open(cloud.url, { retry: () => null });
  const first = rejects(session.infer(readings[0]), {
    code: "network",
    retryable: true,
  });
  const second = rejects(session.infer(readings[1]), { retryable: true });
  await Promise.all([first, second]);
  away = false;
  const answers = await Promise.all(readings.map((x) => session.infer(x)));
  deepEqual(answers.map(({ scores }) => scores), expected);
});

Deno.test("any order of faults leads to exponential waits and the answer", async () => {
  let fault = 0;
  await using cloud = startCloud([model], {
    intercept: ({ url }) => {
      // Every call fails twice, each time in another way.
      if (!url.includes("/rounds/")) return undefined;
      const status = [503, 429][fault++ % 3];
      return status
        ? new Response(null, { status, headers: { "retry-after": "3" } })
        : undefined;
    },
  });
  const waits: number[] = [];
  await using session = await open(cloud.url, {
    clock: {
      now: () => performance.now(),
      wait: (delayMs) => {
        waits.push(delayMs);
        return Promise.resolve();
      },
    },
  });
  deepEqual((await session.infer(readings[0])).scores, expected[0]);
  equal(waits.length, 2 * model.manifest.rounds.length);
  ok(waits.every((waitMs) => waitMs >= 3000 && waitMs <= 3750), `${waits}`);
});
