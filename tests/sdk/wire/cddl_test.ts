/** PROTOCOL.md's CDDL and the codec say the same. */
import assert from "node:assert/strict";
import { decode, encode } from "cborg";
import { createApp } from "../../../functions/app.ts";
import { MemoryModelStore } from "../../../functions/models/memory_models.ts";
import {
  decodeRoundRequest,
  decodeRoundResponse,
  decodeSessionRequest,
  decodeSessionResponse,
} from "../../../sdk/wire/codec.ts";
import { decodeSealed } from "../../../sdk/wire/sealed_messages.ts";
import { withStepVersions } from "../../../sdk/wire/parts.ts";
import {
  type GatewayStep,
  type InferencePlan,
  planFormat,
} from "../../../sdk/wire/plan.ts";
import { infer, sealingKey, startSession } from "../../support/gateway.ts";
import {
  randomReading,
  tinyDense,
  tinyLeNet,
} from "../../reference/tiny_models.ts";
import { conforms, readRules, type Rules } from "./cddl.ts";

const rules = await rulesOfProtocol();

async function rulesOfProtocol(): Promise<Rules> {
  const text = await Deno.readTextFile(
    new URL("../../../PROTOCOL.md", import.meta.url),
  );
  const [, cddl] = /```cddl\n([^]*?)```/.exec(text)!;
  const path = await Deno.makeTempFile({ suffix: ".cddl" });
  await Deno.writeTextFile(path, cddl);
  const rules = readRules(path);
  await Deno.remove(path);
  return rules;
}

const ordinary: Record<string, (body: Uint8Array) => unknown> = {
  "session-request": decodeSessionRequest,
  "session-response": decodeSessionResponse,
  "round-request": decodeRoundRequest,
  "round-response": decodeRoundResponse,
};

const sealed = [
  "batchRequest",
  "batchResponse",
  "linearRequest",
  "linearResponse",
  "activationRequest",
  "activationHead",
  "setupRequest",
] as const;

const decoders: typeof ordinary = {
  ...ordinary,
  ...Object.fromEntries(sealed.map((kind) => [
    `sealed-${kind.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`)}`,
    (body) => decodeSealed(kind, body),
  ])),
};

function codecTakes(message: string, value: unknown): boolean {
  try {
    decoders[message](encode(value));
    return true;
  } catch {
    return false;
  }
}

const steps: GatewayStep[] = [
  { op: "relu" },
  { op: "leakyRelu", positive: 100, negative: [1, -2] },
  { op: "sumPool", kernel: [2, 2], stride: [2, 2], pads: [0, 0, 1, 1] },
  {
    op: "meanPool",
    kernel: [2, 2],
    stride: [2, 2],
    pads: [0, 0, 1, 1],
    counted: [0, 0, 0, 0],
    multiple: 4,
  },
  {
    op: "maxPool",
    kernel: [2, 2],
    stride: [2, 2],
    dilation: [1, 1],
    pads: [0, 0, 0, 0],
  },
  { op: "requantise", multiplier: 3, shift: 4, low: -5, high: 31 },
  { op: "lookup", multiplier: 3, shift: 4, low: -1, table: [0, 1, -2] },
  { op: "reshape", shape: [2, 3] },
  { op: "transpose", shape: [2, 3], order: [1, 0] },
  { op: "selectLargest" },
  { op: "isNonNegative" },
  {
    op: "custom",
    name: "swish",
    inputScale: 0.5,
    outputScale: 2,
    low: 0,
    high: 9,
  },
];

/** Steps that join activations. */
const joiningSteps: GatewayStep[] = [
  { op: "keep", as: "kept" },
  { op: "take", from: "kept", start: 2, shape: [1, 3] },
  {
    op: "combine",
    by: "sum",
    with: "kept",
    shape: [1, 3],
    withShape: [2, 3],
    factors: [3, -1],
  },
  { op: "combine", by: "product", with: "b", shape: [6], withShape: [1] },
  {
    op: "combine",
    by: "quotient",
    with: "b",
    shape: [6],
    withShape: [1],
    multiplier: 1024,
  },
  { op: "matmul", with: "b", shape: [2, 3], withShape: [3, 2] },
  { op: "reduce", by: "sum", shape: [2, 2], axes: [1] },
  { op: "squareRoot", addend: 7 },
];

/** Every rule at work. */
const plan: InferencePlan = {
  format: planFormat,
  samples: 2,
  inputs: [{
    name: "input",
    shape: [1, 4, 4],
    labels: null,
    units: ["lx"],
    scale: [0.25],
    offset: [-1],
    low: -8,
    high: 31,
  }],
  rounds: [
    {
      layout: {
        kind: "spatial",
        samples: 2,
        tile: [2, 2],
        grid: [2, 2],
        inputs: [{
          tensor: "input",
          shape: [1, 4, 4],
          step: [2, 2],
          offsets: [[-1, 0], [0, 1]],
        }],
        output: [3, 4, 4],
        slotBits: 20,
        valuesPerCiphertext: 4,
      },
      steps,
      writes: "a",
      shards: 1,
    },
    {
      layout: {
        kind: "dense",
        samples: 2,
        fold: 3,
        inputs: [{ tensor: "a", length: 48 }],
        outputLength: 10,
        slotBits: 30,
        guardBits: 1,
        valuesPerCiphertext: 5,
      },
      steps: [],
      writes: "b",
      shards: 2,
      valueBits: 24,
    },
  ],
  outputs: [{
    name: "scores",
    shape: [10],
    labels: ["one", "two"],
    units: null,
    scale: [1, 2],
    offset: [0, 0],
    tensor: "b",
    start: 3,
    tail: "softmax",
  }],
  states: [{ input: "input", output: "scores" }],
  reveal: "label",
  powerOfTwo: false,
};

const sealedToken = new Uint8Array(200);
const batchRequest = {
  token: sealedToken,
  from: 3,
  choices: new Uint8Array(46),
};
const batchResponse = { token: sealedToken, answer: new Uint8Array(300) };

const messages: [message: string, value: Record<string, unknown>][] = [
  ["session-request", {
    model: "m",
    modulus: new Uint8Array(256),
    proof: [new Uint8Array(256)],
    samples: 1,
  }],
  ["session-response", {
    model: "m",
    version: "1",
    token: new Uint8Array(90),
    expiresAt: 1.8e12,
    plan: { ...plan, rounds: withStepVersions(plan.rounds) },
  }],
  ["session-response", {
    model: "m",
    version: "1",
    token: new Uint8Array(90),
    expiresAt: 1.8e12,
    plan: {
      ...plan,
      rounds: withStepVersions([{ ...plan.rounds[1], steps: joiningSteps }]),
    },
  }],
  ["round-request", {
    token: new Uint8Array(90),
    ciphertexts: new Uint8Array(512),
  }],
  ["round-response", {
    token: new Uint8Array(),
    ciphertexts: new Uint8Array(512),
  }],
  ["sealed-setup-request", {
    token: sealedToken,
    request: new Uint8Array(900),
  }],
  ["sealed-batch-request", batchRequest],
  ["sealed-batch-response", batchResponse],
  ["sealed-linear-request", {
    token: sealedToken,
    ciphertexts: new Uint8Array(512),
    batch: batchRequest,
  }],
  ["sealed-linear-response", {
    token: sealedToken,
    ciphertexts: new Uint8Array(512),
    batch: batchResponse,
  }],
  ["sealed-activation-request", { ...batchRequest, batch: sealedToken }],
  ["sealed-activation-head", {
    token: new Uint8Array(),
    salt: new Uint8Array(16),
  }],
];

Deno.test("all messages of real inferences conform", async () => {
  const seen = new Map<string, number>();
  for (const model of [tinyLeNet(), tinyDense()]) {
    const app = createApp({
      models: new MemoryModelStore(model),
      sealingKey,
      insecureKeys: true,
    });
    const check = (message: string, body: Uint8Array) => {
      assert(conforms(rules, message, decode(body)), message);
      seen.set(message, (seen.get(message) ?? 0) + 1);
    };
    const functions = {
      async request(path: string, init: RequestInit) {
        const kind = path.startsWith("/v1/sessions") ? "session" : "round";
        check(`${kind}-request`, init.body as Uint8Array);
        const response = await app.request(path, init);
        check(`${kind}-response`, await response.clone().bytes());
        return response;
      },
    };
    const session = await startSession(functions, model.manifest.name);
    await infer([functions], session, [randomReading(model, 1)]);
  }
  assert.deepEqual([...seen.keys()].sort(), Object.keys(ordinary).sort());
});

/** Values at and beyond every limit that a rule may have. */
const replacements: unknown[] = [
  null,
  true,
  "",
  "relu",
  "none",
  "label",
  0,
  1,
  2,
  -1,
  64,
  65,
  53,
  54,
  2 ** 20,
  2 ** 20 + 1,
  0.5,
  2 ** 24,
  2 ** 24 + 1,
  2 ** 50,
  2 ** 50 + 1,
  -(2 ** 24),
  -(2 ** 24) - 1,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  new Uint8Array(),
  new Uint8Array(512),
  new Uint8Array(513),
  new Uint8Array(4096),
  new Uint8Array(4097),
  new Uint8Array(16),
  new Uint8Array(17),
  new Uint8Array(2 ** 16),
  new Uint8Array(2 ** 16 + 1),
  new Uint8Array(2 ** 17),
  new Uint8Array(2 ** 17 + 1),
  [],
  [1],
  [1, 1],
  [0, 0],
  [1, 1, 1],
  [0, 0, 0, 0],
  Array(8).fill(1),
  Array(9).fill(1),
  Array(128).fill({ op: "relu", version: 1 }),
  Array(129).fill({ op: "relu", version: 1 }),
  Array(64).fill(new Uint8Array(1)),
  Array(65).fill(new Uint8Array(1)),
  Array(2 ** 16).fill("x"),
  Array(2 ** 16 + 1).fill("x"),
  Array(2 ** 16 + 1).fill(1),
  Array(2 ** 17).fill(1),
  Array(2 ** 17 + 1).fill(1),
  Array(2 ** 16).fill([1, 1]),
  Array(2 ** 16 + 1).fill([1, 1]),
  Array(1024).fill({ tensor: "x", length: 1 }),
  Array(1025).fill({ tensor: "x", length: 1 }),
  {},
];

type Path = (string | number)[];

/** Paths of all values inside `value`. */
function* pathsOf(value: unknown, path: Path = []): Generator<Path> {
  if (path.length > 0) yield path;
  if (typeof value !== "object" || value === null) return;
  if (value instanceof Uint8Array) return;
  for (const [name, item] of Object.entries(value)) {
    yield* pathsOf(item, [...path, Array.isArray(value) ? +name : name]);
  }
}

/** A copy in which the value at `path` is what `change` makes of its container. */
function changed(
  value: unknown,
  [first, ...rest]: Path,
  change: (container: Record<string, unknown>, name: string) => void,
): unknown {
  const copy = (Array.isArray(value) ? [...value] : { ...value as object }) as
    & Record<string, unknown>
    & unknown[];
  if (rest.length === 0) change(copy, `${first}`);
  else copy[first as number] = changed(copy[first as number], rest, change);
  return copy;
}

/** Long lists are tried where there is a list of such items, many bytes where there are bytes. */
function alike(before: unknown, after: unknown): boolean {
  if (after instanceof Uint8Array) return before instanceof Uint8Array;
  return Array.isArray(before) && Array.isArray(after) &&
    typeof before[0] === typeof after[0] &&
    Array.isArray(before[0]) === Array.isArray(after[0]);
}

function isSmall(value: unknown): boolean {
  if (value instanceof Uint8Array) return value.length <= 5000;
  return !Array.isArray(value) || value.length <= 100;
}

Deno.test("codec and CDDL accept or refuse the same mutated messages", () => {
  const places = messages.flatMap(([message, value]) =>
    [...pathsOf(value)].map((path) => ({ message, value, path }))
  );
  let taken = 0, refused = 0;
  const agree = (message: string, value: unknown, what: string) => {
    const conforming = conforms(rules, message, value);
    assert.equal(codecTakes(message, value), conforming, what);
    if (conforming) taken++;
    else refused++;
  };
  for (const [message, value] of messages) {
    agree(message, value, message);
    agree(message, { ...value, more: 1 }, `${message}, a member more`);
  }
  assert.equal(taken, messages.length);
  const kinds = new Set(messages.map(([message]) => message));
  assert.deepEqual([...kinds].sort(), Object.keys(decoders).sort());
  for (const { message, value, path } of places) {
    const without = changed(value, path, (container, name) => {
      if (Array.isArray(container)) container.splice(+name, 1);
      else delete container[name];
    });
    agree(message, without, `${message} without ${path.join(".")}`);
    const renamed = changed(value, path, (container, name) => {
      container[`${name}x`] = container[name];
      if (!Array.isArray(container)) delete container[name];
    });
    if (typeof path.at(-1) === "string") {
      agree(message, renamed, `${message}, ${path.join(".")} renamed`);
    }
  }
  for (const { message, value, path } of places) {
    const others = path.includes("steps")
      ? [...replacements, ...steps]
      : replacements;
    for (const replacement of others) {
      let worthwhile = true;
      const other = changed(value, path, (container, name) => {
        worthwhile = isSmall(replacement) ||
          alike(container[name], replacement);
        container[name] = replacement;
      });
      if (!worthwhile) continue;
      const what = Deno.inspect(replacement, { depth: 0 }).slice(0, 80);
      agree(message, other, `${message}, ${path.join(".")}: ${what}`);
    }
  }
  assert(taken > 100 && refused > 1000, `${taken} taken, ${refused} refused`);
});
