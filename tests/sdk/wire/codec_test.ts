import assert from "node:assert/strict";
import { encode } from "cborg";
import fc from "fast-check";
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import {
  decodeRoundRequest,
  decodeRoundResponse,
  decodeSessionRequest,
  decodeSessionResponse,
  encodeRoundRequest,
  encodeRoundResponse,
  encodeSessionRequest,
  encodeSessionResponse,
} from "../../../sdk/wire/codec.ts";
import type {
  RoundRequest,
  SessionRequest,
  SessionResponse,
} from "../../../sdk/wire/messages.ts";
import { decodeSealed } from "../../../sdk/wire/sealed_messages.ts";
import { withStepVersions } from "../../../sdk/wire/parts.ts";
import { type InferencePlan, planFormat } from "../../../sdk/wire/plan.ts";

const plan: InferencePlan = {
  format: planFormat,
  samples: 2,
  inputs: [{
    name: "input",
    shape: [1, 6, 6],
    labels: null,
    units: null,
    scale: [1 / 255],
    offset: [0],
    low: 0,
    high: 63,
  }],
  rounds: [{
    layout: {
      kind: "spatial",
      samples: 2,
      tile: [2, 2],
      grid: [2, 2],
      inputs: [{
        tensor: "input",
        shape: [1, 6, 6],
        step: [2, 2],
        offsets: [[-1, -1], [0, 0]],
      }],
      output: [3, 4, 4],
      slotBits: 14,
      valuesPerCiphertext: 4,
    },
    steps: [
      { op: "relu" },
      { op: "sumPool", kernel: [2, 2], stride: [2, 2], pads: [0, 0, 0, 0] },
      {
        op: "maxPool",
        kernel: [2, 2],
        stride: [1, 1],
        dilation: [1, 1],
        pads: [0, 0, 1, 1],
      },
      { op: "requantise", multiplier: 12345, shift: 20, low: 0, high: 63 },
      { op: "leakyRelu", positive: 64, negative: [-1, 0, 7] },
      {
        op: "meanPool",
        kernel: [2, 2],
        stride: [2, 2],
        pads: [0, 0, 1, 1],
        counted: [0, 0, 1, 0],
        multiple: 12,
      },
      { op: "reshape", shape: [12] },
    ],
    writes: "pool1",
    shards: 2,
  }, {
    layout: {
      kind: "dense",
      samples: 2,
      fold: 3,
      inputs: [{ tensor: "pool1", length: 12 }],
      outputLength: 10,
      slotBits: 15,
      guardBits: 1,
      valuesPerCiphertext: 5,
    },
    steps: [
      { op: "selectLargest" },
      { op: "isNonNegative" },
      { op: "lookup", multiplier: 3, shift: 1, low: -2, table: [0, 1, -5, 7] },
      {
        op: "custom",
        name: "swish",
        inputScale: 0.25,
        outputScale: 0.5,
        low: -8,
        high: 7,
      },
    ],
    writes: "logits",
    shards: 1,
  }],
  outputs: [{
    name: "scores",
    shape: [10],
    labels: ["a", "b"],
    units: null,
    scale: [0.125],
    offset: [0],
    tensor: "logits",
    start: 0,
    tail: "softmax",
  }],
  states: [],
  reveal: "scores",
  powerOfTwo: false,
};

const session: SessionResponse = {
  model: "tiny",
  version: "1",
  token: Uint8Array.of(1, 2, 3),
  expiresAt: 1_790_000_000_000,
  plan,
};

const start: SessionRequest = {
  model: "tiny",
  modulus: new Uint8Array(256).fill(7),
  proof: Array.from({ length: 11 }, (_, i) => new Uint8Array(256).fill(i)),
  samples: 1,
};

const round: RoundRequest = {
  token: Uint8Array.of(9),
  ciphertexts: new Uint8Array(1024).fill(3),
};

const codecs = [
  [encodeSessionRequest, decodeSessionRequest, start],
  [encodeSessionResponse, decodeSessionResponse, session],
  [encodeRoundRequest, decodeRoundRequest, round],
  [encodeRoundResponse, decodeRoundResponse, round],
] as unknown as [
  (message: unknown) => Uint8Array,
  (body: Uint8Array) => unknown,
  unknown,
][];

function malformed(pattern: RegExp): (error: unknown) => true {
  return (error) => {
    assert(error instanceof CipherlayerError);
    assert.equal(error.code, "malformed");
    assert.match(error.message, pattern);
    return true;
  };
}

Deno.test("decodes every encoded body, and encodes deterministically", () => {
  for (const [write, read, message] of codecs) {
    assert.deepEqual(read(write(message)), message);
    assert.deepEqual(write(read(write(message))), write(message));
  }
});

Deno.test("refuses a body that is cut, or followed by more bytes", () => {
  for (const [write, read, message] of codecs) {
    const body = write(message);
    for (let length = 0; length < body.length; length += 7) {
      assert.throws(
        () => read(body.slice(0, length)),
        malformed(/^Cannot decode .*: expected one deterministic CBOR item/),
      );
    }
    assert.throws(() => read(new Uint8Array([...body, 0])), malformed(/CBOR/));
  }
});

Deno.test("names fields that are missing, superfluous, mistyped or out of range", () => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [
      { token: new Uint8Array(1) },
      /body\.ciphertexts to be at most .* bytes, got nothing/,
    ],
    [{ ...round, extra: 1 }, /fields token, ciphertexts, got "extra"/],
    [{ ...round, token: "abc" }, /body\.token .* got text of 3 characters/],
    [{ ...round, token: new Uint8Array(5000) }, /at most 4096 bytes, got 5000/],
  ];
  for (const [body, pattern] of cases) {
    assert.throws(() => decodeRoundRequest(encode(body)), malformed(pattern));
  }
  assert.throws(
    () => decodeSessionRequest(encode({ ...start, samples: 1.5 })),
    malformed(/body\.samples to be an integer in \[1, 16777216\], got 1\.5/),
  );
  assert.throws(
    () => decodeSessionRequest(encode({ ...start, samples: 0 })),
    malformed(/got 0/),
  );
  assert.throws(
    () => encodeSessionRequest({ ...start, model: "x".repeat(201) }),
    malformed(/Cannot encode session request: expected body\.model/),
  );
});

Deno.test("checks every leaf of a plan", () => {
  const broken = (change: (plan: InferencePlan) => void) => {
    const rounds = withStepVersions(plan.rounds);
    const copy = structuredClone({ ...plan, rounds });
    change(copy);
    return encode({ ...session, plan: copy });
  };
  const cases: [(plan: InferencePlan) => void, RegExp][] = [
    [(p) => p.rounds[0].layout.slotBits = 65, /rounds\[0\]\.layout\.slotBits/],
    [
      (p) => (p.rounds[0].layout.kind as string) = "cubic",
      /layout\.kind to be one of spatial, dense/,
    ],
    [
      (p) => (p.rounds[0].steps[0].op as string) = "launch",
      /steps\[0\] to be a step that this release knows, got "launch"/,
    ],
    [
      (p) => (p.format as number) = 1,
      /a plan of format 2, got 1: update the functions or the gateway/,
    ],
    [(p) => p.outputs[0].scale = [NaN], /CBOR/],
    [(p) => p.outputs[0].shape = [2 ** 25], /outputs\[0\]\.shape\[0\]/],
  ];
  for (const [change, pattern] of cases) {
    assert.throws(
      () => decodeSessionResponse(broken(change)),
      malformed(pattern),
    );
  }
});

Deno.test("refuses by name a step without its version, or of a later one", () => {
  for (
    const [version, got] of [[undefined, "none"], [2, "2"], [
      "1",
      '"1"',
    ]] as const
  ) {
    const rounds = withStepVersions(plan.rounds);
    Object.assign(rounds[0].steps[3], { version });
    if (version === undefined) {
      delete (rounds[0].steps[3] as { version?: number }).version;
    }
    assert.throws(
      () =>
        decodeSessionResponse(
          encode({ ...session, plan: { ...plan, rounds } }),
        ),
      malformed(
        new RegExp(`steps\\[3\\] to be version 1 of requantise, got ${got}`),
      ),
    );
  }
});

Deno.test("refuses a plan of an earlier format with the remedy", () => {
  const { inputs: _, format: __, ...before } = plan;
  assert.throws(
    () => decodeSessionResponse(encode({ ...session, plan: before })),
    malformed(/a plan of format 2, got 1: update the functions or the gateway/),
  );
});

Deno.test("throws only the declared error for any bytes", () => {
  const body = encodeSessionResponse(session);
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.nat(body.length - 1), fc.integer({ min: 0, max: 255 })),
        { minLength: 1, maxLength: 4 },
      ),
      (changes) => {
        const copy = body.slice();
        for (const [at, value] of changes) copy[at] = value;
        for (const [, read] of codecs) {
          try {
            read(copy);
          } catch (error) {
            malformed(/^Cannot decode /)(error);
          }
        }
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("refuses a body of too many items while reading it", () => {
  const lists = (count: number) => encode({ model: Array(count).fill([]) });
  // Three items more: the map, its key and the list of lists.
  for (const [, read, message] of codecs) {
    const max = message === session ? 2 ** 19 : 2 ** 11;
    assert.throws(
      () => read(lists(max - 2)),
      malformed(new RegExp(`expected at most ${max} items, got more`)),
    );
    assert.throws(() => read(lists(max - 3)), malformed(/expected body/));
  }
  assert.throws(
    () => decodeSealed("setupRequest", lists(2 ** 11)),
    malformed(/expected at most 2048 items, got more/),
  );
});

Deno.test("strips control marks from names and labels", () => {
  const evil = "a\u001b]0;b\u0007\u009bc\u202ed\u2066e\u2028f\u200fg\r\nh";
  const hostile = encode({
    model: evil,
    version: evil,
    token: new Uint8Array(3),
    expiresAt: 0,
    plan: {
      ...plan,
      rounds: withStepVersions(plan.rounds),
      outputs: [{ ...plan.outputs[0], labels: [evil] }],
    },
  });
  const opened = decodeSessionResponse(hostile);
  const clean = "a ]0;b c d e f g h";
  assert.deepEqual(
    [opened.model, opened.version, opened.plan.outputs[0].labels],
    [clean, clean, [clean]],
  );
});
