/**
 * What a hostile cloud may try against the real SDK, over HTTP. After each strategy
 * either the session was refused, with a code that is the same whatever the reading,
 * or the requests were those of a reading of zeros: as many, as large, in that order.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { CipherlayerError, type ErrorCode } from "../../sdk/support/errors.ts";
import type { ConnectOptions } from "../../sdk/session/session_options.ts";
import type { GatewayStep, InferencePlan } from "../../sdk/wire/plan.ts";
import { realReading } from "../../sdk/fixed_point/quantise.ts";
import { randomReading } from "../reference/tiny_models.ts";
import {
  type Cheat,
  type HostileCloud,
  startHostileCloud,
} from "../support/hostile_cloud.ts";
import { model, open } from "../support/tiny_session.ts";

/** What the gateway's application is told in the end. */
type Outcome = "answer" | "TypeError" | ErrorCode;

interface Strategy extends Cheat {
  ends: Outcome;
  /** How the application connects, where it is not by default. */
  options?: Partial<ConnectOptions>;
  /** Further facts about what was asked and told. */
  check?: (cloud: HostileCloud, fault: unknown) => void;
}

const { inputs } = model.manifest;
const [{ low, high }] = inputs;
const inUnits = (integers: Float64Array) =>
  Array.from(realReading(integers, inputs));
const zeros = inUnits(randomReading(model, 1).fill(0));
/** Nothing of it is near zero: a random half, and a half of extremes. */
const reading = inUnits(
  randomReading(model, 2)
    .map((integer, i) => i % 4 === 0 ? low : i % 4 === 1 ? high : integer),
);

const changePlan = (change: (plan: InferencePlan) => void): Cheat => ({
  session: ({ plan }) => change(plan),
});
const addSteps = (...steps: GatewayStep[]): Cheat =>
  changePlan(({ rounds }) => rounds[0].steps.push(...steps));
const custom = (
  change: Partial<GatewayStep & { op: "custom" }>,
): GatewayStep => ({
  op: "custom",
  name: "judge",
  inputScale: 1,
  outputScale: 1,
  low: 0,
  high: 31,
  ...change,
});
const problem = (status: number, told: object, headers = {}) =>
  Response.json(told, {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
const cborType = { "content-type": "application/cbor" };
const isRound = (request: Request, round: number) =>
  new URL(request.url).pathname === `/v1/rounds/${round}`;
const throwing = new Map([["judge", (x: number) => {
  if (x > 9) throw new Error("not above nine");
  return x;
}]]);
const nonsense = new Map([["judge", (x: number) => x > 9 ? NaN : x]]);

/** A retry is the same request, byte for byte. */
function repeats(path: string) {
  return ({ requests, digests }: HostileCloud) => {
    const sent = digests.filter((_, i) => requests[i].includes(path));
    ok(sent.length > 1, `${path} was asked once`);
    equal(new Set(sent).size, 1, `${path} was asked in other words`);
  };
}

const strategies: Record<string, Strategy> = {
  // Plans that would let a plaintext decide what is sent.
  "slopes that make numbers infinite": {
    ...addSteps(
      ...Array.from({ length: 50 }, (): GatewayStep => ({
        op: "leakyRelu",
        positive: 2 ** 24,
        negative: [0],
      })),
    ),
    ends: "malformed",
  },
  "a custom activation scaled by zero": {
    ...addSteps(custom({ outputScale: 0 })),
    options: { activations: nonsense },
    ends: "malformed",
  },
  "an empty table": {
    ...addSteps({ op: "lookup", multiplier: 1, shift: 0, low: 0, table: [] }),
    ends: "malformed",
  },
  "a range whose ends are exchanged": {
    ...addSteps({ op: "requantise", multiplier: 1, shift: 0, low: 9, high: 1 }),
    ends: "malformed",
  },
  "slots that no number holds": {
    ...changePlan(({ rounds }) => rounds[0].layout.slotBits = 64),
    ends: "malformed",
  },
  "one value packed many times, by offset": {
    ...changePlan(({ rounds: [{ layout }] }) => {
      if (layout.kind !== "spatial") {
        throw new TypeError("expected a spatial round");
      }
      layout.inputs[0].offsets = Array(4096).fill([0, 0]);
    }),
    ends: "malformed",
  },
  "one value packed many times, by term": {
    ...changePlan(({ rounds: [{ layout }] }) => {
      if (layout.kind !== "spatial") {
        throw new TypeError("expected a spatial round");
      }
      layout.inputs = Array(64).fill(layout.inputs[0]);
    }),
    ends: "malformed",
  },
  "pools that fill memory": {
    ...addSteps({
      op: "sumPool",
      kernel: [1, 1],
      stride: [1, 1],
      pads: [8191, 8191, 8191, 8191],
    }),
    ends: "malformed",
  },
  "pools that never end": {
    ...addSteps({
      op: "maxPool",
      kernel: [2 ** 14, 2 ** 14],
      stride: [1, 1],
      dilation: [1, 1],
      pads: [2 ** 13, 2 ** 13, 2 ** 13, 2 ** 13],
    }),
    ends: "malformed",
  },
  "a plan for more samples than were asked for": {
    ...changePlan((plan) => plan.samples = 2),
    ends: "malformed",
  },
  "a step that is not registered": {
    ...addSteps(custom({ name: "mystery" })),
    ends: "TypeError",
  },
  "more shards than answers": {
    ...changePlan(({ rounds }) => rounds.at(-1)!.shards = 60),
    ends: "malformed",
  },
  "a last round that reads the reading only": {
    ...changePlan(({ rounds }) => rounds.splice(1)),
    ends: "malformed",
  },
  // Plans that may stand, whatever is decrypted under them.
  "a step that shows only the largest": {
    ...addSteps({ op: "selectLargest" }),
    ends: "answer",
  },
  "a custom activation that throws for some readings": {
    ...addSteps(custom({})),
    forge: ({ round, publicKey, first, honest }) =>
      round > 0
        ? honest
        : honest.map((_, i) =>
          publicKey.multiply(first[i % first.length], 1n << 20n)
        ),
    options: { activations: throwing },
    ends: "TypeError",
  },
  "a custom activation that gives no number": {
    ...addSteps(custom({ high: 2 ** 40 })),
    options: { activations: nonsense },
    ends: "TypeError",
  },
  "the work of a round asked for in parts": {
    ...changePlan(({ rounds }) => rounds[0].shards = 2),
    ends: "answer",
  },
  // A contract that changes.
  "another range of readings than the contract's": {
    ...changePlan(({ inputs: [input] }) => input.high--),
    options: { contract: `sha256:${"0".repeat(64)}` },
    ends: "contract-changed",
  },
  "a session that ends, and another range of readings in the next": {
    session: ({ plan }, count) => {
      if (count > 1) plan.inputs[0].high = 3;
    },
    reply: (request, reply) =>
      isRound(request, 1)
        ? problem(401, { code: "token-expired", detail: "expired" })
        : reply,
    ends: "contract-changed",
  },
  "sessions that always end": {
    reply: (request, reply) =>
      isRound(request, 1)
        ? problem(401, { code: "token-expired", detail: "expired" })
        : reply,
    ends: "token-expired",
    check: ({ requests }) =>
      equal(requests.filter((line) => line.includes("/sessions")).length, 2),
  },
  // Ciphertexts of the cloud's own.
  "a comparison of the reading with a threshold in the first round": {
    forge: ({ round, publicKey, first, honest }) =>
      round > 0 ? honest : honest.map((_, i) =>
        publicKey.add(
          first[i % first.length],
          publicKey.encrypt(publicKey.modulus - 9n),
        )
      ),
    ends: "answer",
  },
  "the reading itself in every round": {
    forge: ({ first, honest }) => honest.map((_, i) => first[i % first.length]),
    ends: "answer",
  },
  "the largest plaintext in every round": {
    forge: ({ publicKey, honest }) =>
      honest.map(() => publicKey.encrypt(publicKey.modulus - 1n)),
    ends: "answer",
  },
  "the number 1 for every ciphertext": {
    forge: ({ honest }) => honest.map(() => 1n),
    ends: "answer",
  },
  "a multiple of the modulus for every ciphertext": {
    forge: ({ publicKey, honest }) => honest.map(() => publicKey.modulus),
    ends: "answer",
  },
  "zero for every ciphertext": {
    forge: ({ honest }) => honest.map(() => 0n),
    ends: "ciphertext-out-of-range",
  },
  "one ciphertext more than the round has": {
    forge: ({ honest }) => [...honest, honest[0]],
    ends: "count-mismatch",
  },
  "no token before the last round": {
    token: () => new Uint8Array(),
    ends: "token-mismatch",
  },
  "a token after the last round": {
    token: (token) => token.length > 0 ? token : new Uint8Array(9),
    ends: "token-mismatch",
  },
  "a token that was altered": {
    token: (token, round) =>
      round === 0 ? token.with(20, token[20] ^ 1) : token,
    ends: "token-altered",
  },
  // Faults that make the gateway ask again.
  "an overload that never ends, and a wait of years": {
    reply: (request, reply) =>
      isRound(request, 1)
        ? problem(
          503,
          { code: "overloaded", detail: "full", retryable: true },
          {
            "retry-after": "1e300",
          },
        )
        : reply,
    ends: "overloaded",
    check: repeats("/rounds/1"),
  },
  "a fault between two rounds, once": {
    // The third request, after the session's start and round 0.
    reply: (request, reply, count) =>
      isRound(request, 1) && count === 3
        ? new Response("bad gateway", { status: 502 })
        : reply,
    ends: "answer",
    check: ({ digests }) => equal(digests[2], digests[3]),
  },
  "an answer that does not fit its digest": {
    reply: (request, reply) => {
      if (isRound(request, 0)) {
        reply.headers.set(
          "content-digest",
          `sha-256=:${btoa("x".repeat(32))}:`,
        );
      }
      return reply;
    },
    ends: "network",
    check: repeats("/rounds/0"),
  },
  "a redirect into the gateway's network": {
    reply: (request, reply) =>
      isRound(request, 1)
        ? new Response(null, {
          status: 307,
          headers: { location: "/admin" },
        })
        : reply,
    ends: "network",
    // What stands between may be gone at the next try; it is never followed.
    check: (cloud, fault) => {
      repeats("/rounds/1")(cloud);
      match(`${fault}`, /redirects are not followed/);
      ok(!cloud.requests.some((line) => line.includes("/admin")));
    },
  },
  "an answer that inflates to far more": {
    reply: async (request, reply) => {
      if (!isRound(request, 0)) return reply;
      const stream = new Blob([new Uint8Array(1 << 24)]).stream()
        .pipeThrough(new CompressionStream("gzip"));
      return new Response(await new Response(stream).bytes(), {
        headers: {
          ...Object.fromEntries(reply.headers),
          "content-encoding": "gzip",
        },
      });
    },
    ends: "body-too-large",
  },
  "an answer in chunks of one byte": {
    reply: async (request, reply) => {
      if (!isRound(request, 0)) return reply;
      const body = await reply.bytes();
      const stream = new ReadableStream({
        start(controller) {
          for (const byte of body) controller.enqueue(Uint8Array.of(byte));
          controller.close();
        },
      });
      return new Response(stream, { headers: cborType });
    },
    ends: "answer",
  },
  "a page in place of an answer": {
    reply: (request, reply) =>
      isRound(request, 0)
        ? new Response("<h1>hello", {
          headers: { "content-type": "text/html" },
        })
        : reply,
    ends: "network",
    check: repeats("/rounds/0"),
  },
  // Texts for whoever reads them.
  "labels that move the cursor": {
    ...changePlan(({ outputs: [output] }) =>
      output.labels = Array.from(
        { length: output.shape[0] },
        (_, i) => `\x1b[2J\u202e\u0007${i}`,
      )
    ),
    ends: "answer",
  },
  "a detail that tells the bearer token on": {
    options: { token: "a-secret-of-the-account" },
    reply: (request, reply) =>
      isRound(request, 0)
        ? problem(403, {
          code: "forbidden",
          detail: `\x1b]0;${btoa("a-secret-of-the-account")}\u0007`,
        })
        : reply,
    ends: "forbidden",
    check: (_, fault) => {
      const told = `${fault} ${Deno.inspect(fault)}`;
      ok(!told.includes(btoa("a-secret-of-the-account").slice(0, 20)), told);
      // deno-lint-ignore no-control-regex
      ok(!/[\x1b\x07]/.test(`${fault}`), told);
    },
  },
};

/** Connects, asks for two answers, and tells what came of it. */
async function run(name: string, reading: number[]) {
  const strategy = strategies[name];
  await using cloud = startHostileCloud(model, strategy);
  let outcome: Outcome = "answer";
  let fault: unknown = null;
  const told = (error: unknown) => {
    fault = error;
    outcome = outcomeOf(error);
  };
  const session = await open(cloud.url, strategy.options)
    .catch((error) => told(error));
  if (session) {
    // Two inferences of one call: a fault of the first must not end the second.
    await session.inferMany([reading, reading]).then(([{ label }]) => {
      // deno-lint-ignore no-control-regex
      ok(!/[\x00-\x1f\x7f-\x9f\u202a-\u202e]/.test(label ?? ""), `${label}`);
    }, told);
    await session.close();
  }
  strategy.check?.(cloud, fault);
  return { outcome, fault, requests: [...cloud.requests] };
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof CipherlayerError) return error.code;
  if (error instanceof TypeError) return "TypeError";
  throw error;
}

/** Parts of a round are asked for at once and may arrive in any order. */
function shardsInOrder(requests: readonly string[]): string[] {
  const groups: string[][] = [];
  const roundOf = (line: string) => line.split("?")[0];
  for (const line of requests) {
    const last = groups.at(-1);
    if (last && roundOf(last[0]) === roundOf(line)) last.push(line);
    else groups.push([line]);
  }
  return groups.flatMap((group) => group.sort());
}

for (const [name, { ends }] of Object.entries(strategies)) {
  Deno.test(`a hostile cloud learns nothing by ${name}`, async () => {
    const { requests } = await run(name, zeros);
    const other = await run(name, reading);
    equal(other.outcome, ends, `${other.fault}`);
    deepEqual(shardsInOrder(other.requests), shardsInOrder(requests));
  });
}

Deno.test("tries at least twenty strategies", () => {
  ok(Object.keys(strategies).length >= 20);
});
