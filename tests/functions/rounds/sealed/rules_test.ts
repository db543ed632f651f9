/**
 * What a sealed call must never do: share a salt, a mask or a tweak with another, answer
 * what it should refuse, or refuse because of a secret.
 *
 * @module
 */
import {
  deepEqual,
  equal,
  notDeepEqual,
  ok,
  rejects,
  throws,
} from "node:assert/strict";
import { bytesToHex } from "@noble/hashes/utils.js";
import fc from "fast-check";
import { answerSetup } from "../../../../functions/rounds/sealed/answer_transfers.ts";
import { answerActivation } from "../../../../functions/rounds/sealed/answer_activation.ts";
import {
  callSeed,
  saltOf,
  shareAddend,
  shareMasks,
} from "../../../../functions/rounds/sealed/seeds.ts";
import { SealedModel } from "../../../../functions/rounds/sealed/sealed_model.ts";
import { SealedTokens } from "../../../../functions/rounds/sealed/token.ts";
import type { ModelPackage } from "../../../../models/package/format.ts";
import { readPackage } from "../../../../models/package/read_package.ts";
import { inputCiphertexts } from "../../../../sdk/fixed_point/layout.ts";
import { sumInSlots } from "../../../../sdk/garbling/rounds/plaintexts.ts";
import type { GateKernel } from "../../../../sdk/garbling/gate_kernel.ts";
import { makeKernel } from "../../../../sdk/garbling/kernel.ts";
import { ScalarKernel } from "../../../../sdk/garbling/kernel_scalar.ts";
import { startTransfers } from "../../../../sdk/transfer/receiver.ts";
import { TransferSender } from "../../../../sdk/transfer/sender.ts";
import { shapeOf } from "../../../../sdk/transfer/batch_shape.ts";
import { garbledBytes } from "../../../../sdk/garbling/rounds/run.ts";
import { bytesFromBigInt } from "../../../../sdk/paillier/public/big_integer.ts";
import { SealedInference } from "../../../../sdk/sealed/inference.ts";
import {
  type ActivationRequest,
  decodeSealed,
  encodeSealed,
  type LinearRequest,
} from "../../../../sdk/wire/sealed_messages.ts";
import { seededBytes } from "../../../transfer/kernels.ts";
import { tinyModel } from "../../../reference/tiny_models.ts";
import {
  context,
  dealBatch,
  gates,
  nowMs,
  SealedBench,
  sealingKey,
  tokens,
} from "../../../support/sealed.ts";
import { inputActivations } from "../../../../sdk/fixed_point/quantise.ts";

function labelled(model: ModelPackage): ModelPackage {
  return { ...model, manifest: { ...model.manifest, reveal: "label" } };
}
const model = labelled(tinyModel(9, [1, 10, 10], [
  { kind: "convolution", channels: 5, kernel: [3, 3], pool: "sum" },
  { kind: "dense", length: 3 },
]));
const bench = new SealedBench(model);
const { plan, rounds } = bench.model;
const reading = new Float64Array(100).map((_, i) => i % 30 - 5);

/** A first round up to its garbled call. */
async function open() {
  const inference = new SealedInference(
    { plan, rounds, modulus: bench.modulus, gates },
    inputActivations([reading], plan.inputs),
  );
  const linear: LinearRequest = {
    token: bench.start(),
    ciphertexts: await bench.owner.encryptBatch(inference.plaintexts(0)),
    batch: null,
  };
  const reply = await bench.linear(encodeSealed(linear));
  const answers = await bench.owner.decryptBatch(reply.ciphertexts);
  const seed = {
    seed: new Uint8Array(32).fill(3),
    size: bench.model.batches[0],
  };
  const batch = dealBatch(seed, bench.random);
  const batchToken = tokens.seal({ ...bench.owned, opens: "batch", ...seed });
  const call = inference.choose(0, answers, batch);
  const request: ActivationRequest = {
    token: reply.token,
    batch: batchToken,
    ...call.request,
  };
  return { inference, linear, reply, answers, batch, call, request };
}
const opened = await open();

const collect = (chunks: Iterable<Uint8Array>) =>
  Uint8Array.from([...chunks].flatMap((chunk) => [...chunk]));

async function answer(request: ActivationRequest, part = {}) {
  const { head, chunks } = await bench.activation(encodeSealed(request), part);
  const { nonce, shares } = tokens.open(head.token, "linear", nowMs);
  return { head, nonce, share: shares[0].seed, bytes: collect(chunks) };
}

Deno.test("a seed depends on every byte of token, body and digest, and on the call", () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(bytes, bytes, bytes, fc.nat(), (token, body, digest, n) => {
      const change = (list: Uint8Array) =>
        list.map((byte, i) => i === n % list.length ? byte ^ 1 : byte);
      const seeds = [
        callSeed(sealingKey, "linear", { token, body }, digest),
        callSeed(sealingKey, "activation", { token, body }, digest),
        callSeed(sealingKey, "linear", { token: change(token), body }, digest),
        callSeed(sealingKey, "linear", { token, body: change(body) }, digest),
        callSeed(sealingKey, "linear", { token, body }, change(digest)),
      ];
      equal(new Set(seeds.map((seed) => seed.join())).size, seeds.length);
    }),
    { numRuns: 30 },
  );
});

Deno.test("garbled calls that differ in any member share neither salt, mask nor nonce", async () => {
  const { request } = opened;
  const seed = {
    seed: new Uint8Array(32).fill(4),
    size: bench.model.batches[0],
  };
  const otherBatch = tokens.seal({ ...bench.owned, opens: "batch", ...seed });
  const otherToken = (await bench.linear(
    encodeSealed({ ...opened.linear, token: bench.start(2) }),
  )).token;
  const answers = [
    await answer(request),
    await answer({ ...request, from: request.from + 1 }),
    await answer({ ...request, batch: otherBatch }),
    await answer({ ...request, token: otherToken }),
    await answer({
      ...request,
      choices: request.choices.map((byte, i) => i === 0 ? byte ^ 1 : byte),
    }),
  ];
  for (
    const pick of [
      (a: typeof answers[0]) => a.head.salt,
      (a: typeof answers[0]) => a.nonce,
      (a: typeof answers[0]) => a.share,
    ]
  ) {
    equal(new Set(answers.map((a) => pick(a).join())).size, answers.length);
  }
});

Deno.test("linear calls that differ in the batch alone share neither mask nor nonce", async () => {
  const { linear } = opened;
  const first = bench.root.extend(bench.model.batches[0]).request;
  const second = bench.root.extend(bench.model.batches[0]).request;
  const states = [];
  for (const request of [null, first, second]) {
    const batch = request && { token: bench.rootToken, ...request };
    const { token } = await bench.linear(encodeSealed({ ...linear, batch }));
    states.push(tokens.open(token, "activation", nowMs));
  }
  for (const member of ["mask", "nonce"] as const) {
    equal(new Set(states.map((state) => state[member].join())).size, 3);
  }
});

Deno.test("a call repeated byte for byte is answered byte for byte, by any instance", async () => {
  const { request, linear } = opened;
  const body = encodeSealed({
    ...linear,
    batch: {
      token: bench.rootToken,
      ...bench.root.extend(bench.model.batches[0]).request,
    },
  });
  const other = {
    ...context,
    tokens: new SealedTokens(sealingKey),
    transfers: new TransferSender(makeKernel()),
    gates: new ScalarKernel(),
  };
  deepEqual(await bench.linear(body, other), await bench.linear(body));
  const repeated = await bench.activation(encodeSealed(request), {}, other);
  const first = await answer(request);
  deepEqual(repeated.head, first.head);
  deepEqual(collect(repeated.chunks), first.bytes);
});

Deno.test("shards and one whole give the same plaintexts, each under a salt of its own", async () => {
  const salts = new Set<string>(), results: bigint[][] = [];
  const { readers: [reader], shares } = rounds[0];
  for (const shards of [1, 2, 3]) {
    const { request, call, inference } = await open();
    const tokenBytes = new Set<string>();
    let seed = new Uint8Array();
    for (let shard = 0; shard < shards; shard++) {
      const part = { shard, shards };
      const { head, chunks } = await bench.activation(
        encodeSealed(request),
        part,
      );
      salts.add(head.salt.join());
      tokenBytes.add(head.token.join());
      seed = tokens.open(head.token, "linear", nowMs).shares[0].seed.slice();
      const running = call.begin(head.salt, part);
      for (const chunk of chunks) await running.push(chunk);
      running.finish();
    }
    equal(tokenBytes.size, 1);
    const masks = await shareMasks(seed, shares!);
    const clear = [...inference.plaintexts(1)];
    reader.plaintexts.forEach((plaintext, i) => {
      clear[plaintext] -= sumInSlots(
        reader.elements[i],
        reader.slotBits,
        (element) => shareAddend(shares!, masks[element]),
      );
    });
    results.push(clear);
  }
  equal(salts.size, 6);
  deepEqual(results[1], results[0]);
  deepEqual(results[2], results[0]);
  ok(results[0].some((plaintext) => plaintext > 0n));
});

/** A kernel that notes every tweak that it hashes under. */
function notingKernel(salt: Uint8Array) {
  const seen: string[] = [];
  const note = (groups: number, gate: number, lane: number, what: string) => {
    for (let i = 0; i < 4 * groups; i++) {
      seen.push(`${salt} ${gate} ${lane + i} ${what}`);
    }
  };
  const noting: GateKernel = {
    get words() {
      return gates.words;
    },
    reserve: (bytes) => gates.reserve(bytes),
    xor: (...all) => gates.xor(...all),
    flip: (...all) => gates.flip(...all),
    not: (...all) => gates.not(...all),
    evaluateAnd: (...all) => gates.evaluateAnd(...all),
    evaluateKnown: (...all) => gates.evaluateKnown(...all),
    garbleAnd(...all) {
      const [, , , , groups, gate, lane] = all;
      note(groups, gate, lane, "and");
      gates.garbleAnd(...all);
    },
    garbleKnown(...all) {
      const [, , , , groups, gate, lane] = all;
      note(groups, gate, lane, "and");
      gates.garbleKnown(...all);
    },
    hash(...all) {
      const [a, , groups, gate, lane, domain] = all;
      note(groups, gate, lane, `${domain} ${hashes++ % 2} ${a > 0}`);
      gates.hash(...all);
    },
  };
  let hashes = 0;
  return { noting, seen };
}

Deno.test("no tweak is met twice under a salt, over chunks and shards", async () => {
  const { request } = opened;
  const body = encodeSealed(request), all: string[] = [];
  for (const [shard, shards] of [[0, 1], [0, 2], [1, 2]]) {
    const salt = saltOf(
      callSeed(
        sealingKey,
        "activation",
        { token: request.token, body },
        rounds[0].digest,
      ),
      shard,
      shards,
    );
    const { noting, seen } = notingKernel(
      new Uint8Array(salt.buffer),
    );
    const { chunks } = await answerActivation(
      { ...context, gates: noting },
      {
        model: bench.model,
        content: tokens.open(request.token, "activation", nowMs),
        batch: tokens.open(request.batch, "batch", nowMs),
        request,
        received: { token: request.token, body },
        shard,
        shards,
      },
    );
    const count = [...chunks].length;
    ok(shards > 1 || count > rounds[0].stages.length);
    for (const tweak of seen) all.push(tweak);
  }
  equal(new Set(all).size, all.length);
  // Were lanes counted from 0 in each chunk, the test would tell.
  const within = all.map((tweak) =>
    tweak.replace(
      / (\d+) (and|\d)/,
      (_, lane, what) => ` ${lane % 256} ${what}`,
    )
  );
  ok(new Set(within).size < all.length);
});

Deno.test("nothing of padding lanes leaves: an answer has the bytes of its real lanes", async () => {
  const { bytes } = await answer(opened.request);
  let bits = 0;
  for (const { parts, elements } of rounds[0].stages) {
    for (const { circuit, lanes } of parts) {
      const rows = circuit.projections
        .reduce((sum, { bits }) => sum + 2 * bits, 0);
      const told = elements ? 0 : circuit.outputs.length;
      bits += lanes *
        (256 * circuit.ands + 128 * circuit.knownAnds + rows + told);
    }
  }
  equal(bytes.length, garbledBytes(rounds[0].stages));
  const chunks = rounds[0].stages.length + 4;
  ok(bytes.length >= bits / 8 && bytes.length < bits / 8 + 2 * chunks);
});

Deno.test("any choices are answered, and those out of place refused as malformed", async () => {
  const { request } = opened;
  const size = request.choices.length;
  const lengths = new Set<number>();
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: size, maxLength: size }),
      fc.integer({ min: 0, max: 3 }),
      async (choices, from) => {
        const { bytes } = await answer({ ...request, choices, from });
        lengths.add(bytes.length);
      },
    ),
    { numRuns: 4 },
  );
  equal(lengths.size, 1);
  const malformed = { code: "malformed" };
  for (
    const change of [
      { from: 2 ** 19 },
      { choices: request.choices.subarray(1) },
      { choices: new Uint8Array(size + 1) },
    ]
  ) {
    await rejects(answer({ ...request, ...change }), malformed);
  }
});

Deno.test("ciphertexts that are no units or out of range are refused", async () => {
  const { linear } = opened, size = 128;
  const replaced = (value: bigint) => {
    const ciphertexts = linear.ciphertexts.slice();
    ciphertexts.set(bytesFromBigInt(value, size), 0);
    return bench.linear(encodeSealed({ ...linear, ciphertexts }));
  };
  const n = bench.modulus;
  for (const value of [0n, n, n * n, n * n - n]) {
    await rejects(replaced(value), { code: "ciphertext-out-of-range" });
  }
  await rejects(
    bench.linear(
      encodeSealed({ ...linear, ciphertexts: linear.ciphertexts.subarray(1) }),
    ),
    { code: "count-mismatch" },
  );
});

Deno.test("what is malformed is refused before anything is derived from the sealing key", async () => {
  const { request, linear } = opened;
  const by = {
    ...context,
    get sealingKey(): Uint8Array<ArrayBuffer> {
      throw new Error("derived");
    },
  };
  const size = request.choices.length, malformed = { code: "malformed" };
  const asked = bench.root.extend(bench.model.batches[0]).request;
  const batch = { token: bench.rootToken, ...asked };
  const derived = /derived/;
  const activation = (change: object) =>
    bench.activation(encodeSealed({ ...request, ...change }), {}, by);
  await rejects(activation({}), derived);
  await rejects(activation({ from: 2 ** 19 }), malformed);
  await rejects(activation({ choices: new Uint8Array(size + 1) }), malformed);
  const ask = (change: object) =>
    bench.linear(
      encodeSealed({ ...linear, batch: { ...batch, ...change } }),
      by,
    );
  await rejects(ask({}), derived);
  await rejects(ask({ from: 2 ** 18 }), malformed);
  await rejects(ask({ choices: asked.choices.subarray(1) }), malformed);
  const ciphertexts = linear.ciphertexts.slice();
  // In range, and no unit.
  ciphertexts.set(bytesFromBigInt(bench.modulus, 128), 0);
  await rejects(bench.linear(encodeSealed({ ...linear, ciphertexts }), by), {
    code: "ciphertext-out-of-range",
  });
  const owner = bench.owned;
  const begin = (points: Uint8Array) =>
    answerSetup(by, points, {
      owner,
      received: { token: new Uint8Array(), body: points },
    });
  const points = startTransfers(gates, seededBytes(5)).request;
  await rejects(begin(points), derived);
  await rejects(begin(points.map((byte) => byte ^ 255)), malformed);
  await rejects(begin(points.subarray(1)), malformed);
});

Deno.test("every member of a sealed request changes what is derived from it", () => {
  const asked = { token: Uint8Array.of(1), from: 2, choices: Uint8Array.of(3) };
  const requests = {
    linearRequest: {
      token: Uint8Array.of(1),
      ciphertexts: Uint8Array.of(2),
      batch: asked,
    },
    activationRequest: { ...asked, batch: Uint8Array.of(4) },
    batchRequest: asked,
    setupRequest: { token: Uint8Array.of(1), request: Uint8Array.of(2) },
  } as const;
  const changed = (value: unknown): unknown[] =>
    value instanceof Uint8Array
      ? [value.map((byte) => byte ^ 1), Uint8Array.of(...value, 0)]
      : typeof value === "number"
      ? [value + 1]
      : membersChanged(value as object);
  const membersChanged = (value: object): object[] =>
    Object.entries(value).flatMap(([name, member]) =>
      changed(member).map((other) => ({ ...value, [name]: other }))
    );
  for (const [name, request] of Object.entries(requests)) {
    const variants = [request, ...membersChanged(request)];
    const seeds = variants.map((variant) => {
      const body = encodeSealed(variant as typeof request);
      decodeSealed(name as keyof typeof requests, body);
      return callSeed(sealingKey, "linear", { token: new Uint8Array(), body });
    });
    equal(new Set(seeds.map(String)).size, variants.length, name);
  }
});

Deno.test("tokens of other calls, keys, accounts, circuits and times are refused", async () => {
  const { request, linear } = opened;
  await rejects(answer({ ...request, token: linear.token }), {
    code: "token-mismatch",
  });
  const content = tokens.open(request.token, "activation", nowMs);
  const batch = tokens.open(request.batch, "batch", nowMs);
  const resealed = (change: object) =>
    answer({ ...request, token: tokens.seal({ ...content, ...change }) });
  await rejects(resealed({ digest: new Uint8Array(32) }), {
    code: "model-changed",
  });
  await rejects(resealed({ planHash: new Uint8Array(32) }), {
    code: "model-changed",
  });
  await rejects(resealed({ expiresAt: nowMs - 10 ** 6 }), {
    code: "token-expired",
  });
  for (
    const change of [{ account: new Uint8Array(32) }, {
      modulus: new Uint8Array(64).fill(1),
    }]
  ) {
    await rejects(
      answer({ ...request, batch: tokens.seal({ ...batch, ...change }) }),
      { code: "token-mismatch" },
    );
  }
  const altered = request.token.map((byte, i) => i === 30 ? byte ^ 1 : byte);
  throws(() => tokens.open(altered, "activation", nowMs), {
    code: "token-altered",
  });
  throws(
    () =>
      new SealedTokens(new Uint8Array(32)).open(
        request.token,
        "activation",
        nowMs,
      ),
    { code: "token-mismatch" },
  );
});

Deno.test("a model that reveals scores or has one label cannot be sealed", () => {
  const options = { modulusBits: 512, samples: 1 };
  const scores = tinyModel(1, [4], [{ kind: "dense", length: 3 }]);
  throws(() => new SealedModel(scores, options), { code: "unsupported" });
  const one = labelled(tinyModel(1, [4], [{ kind: "dense", length: 1 }]));
  throws(() => new SealedModel(one, options), { code: "unsupported" });
});

Deno.test("a large model's last round has few transfers of its own, and no other round asks for any", async () => {
  const batchesOf = async (name: string) => {
    const model = await readPackage(`models/zoo/${name}`);
    const sealed = new SealedModel(model, { modulusBits: 2048, samples: 1 });
    const bits = sealed.rounds.map(({ chosen }) => chosen.bit.length);
    const room = sealed.batches.map((size) => size && shapeOf(size).transfers);
    return { bits, room };
  };
  const small = await batchesOf("occupancy-sealed");
  ok(small.room[0] >= small.bits[0] + small.bits[1] + small.bits[2]);
  deepEqual(small.room.slice(1), [0, 0]);
  const large = await batchesOf("appliance-sealed");
  ok(large.room[0] >= large.bits[0] + large.bits[1] + large.bits[2]);
  deepEqual(large.room.slice(1, 3), [0, 0]);
  ok(large.room[3] >= large.bits[3] && large.room[3] < 2000);
  const { linear } = opened, size = 128;
  const token = bench.start();
  const content = tokens.open(token, "linear", nowMs);
  const batch = {
    token: bench.rootToken,
    ...bench.root.extend(8).request,
  };
  await rejects(
    bench.linear(encodeSealed({
      ...linear,
      token: tokens.seal({ ...content, round: 1 }),
      ciphertexts: new Uint8Array(
        size * inputCiphertexts(plan.rounds[1].layout),
      )
        .map((_, i) => i % size === size - 1 ? 1 : 0),
      batch,
    })),
    { code: "malformed" },
  );
});

Deno.test("a digest tells models with other circuits apart", () => {
  const other = labelled(tinyModel(9, [1, 10, 10], [
    { kind: "convolution", channels: 5, kernel: [3, 3], pool: "max" },
    { kind: "dense", length: 3 },
  ]));
  const sealed = new SealedModel(other, { modulusBits: 512, samples: 1 });
  notDeepEqual(sealed.rounds[0].digest, rounds[0].digest);
});

Deno.test("the zoo's circuits are those of the vectors: a change changes every salt", async () => {
  const expected = {
    "occupancy-sealed": "713299d1 0f9aadc9 b00cb36d",
    "appliance-sealed": "a8a54160 224c9f31 a5001168 d3f5decf",
  };
  for (const [name, digest] of Object.entries(expected)) {
    const model = await readPackage(`models/zoo/${name}`);
    const { rounds } = new SealedModel(model, {
      modulusBits: 2048,
      samples: 1,
    });
    equal(
      rounds.map(({ digest }) => bytesToHex(digest).slice(0, 8)).join(" "),
      digest,
    );
  }
});
