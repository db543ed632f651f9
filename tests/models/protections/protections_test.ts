/**
 * Every protection does what it is for, and does not without it: each property is
 * tried on functions with the protection and on functions without.
 */
import assert from "node:assert/strict";
import { mean } from "../../../bench/paper/statistics.ts";
import { createApp } from "../../../functions/app.ts";
import { MemoryModelStore } from "../../../functions/models/memory_models.ts";
import { CompiledRound } from "../../../functions/rounds/evaluate/compiled_round.ts";
import { evaluateRound } from "../../../functions/rounds/evaluate/evaluate.ts";
import { serveLocally } from "../../../functions/hosts/serve_locally.ts";
import { HostileClient } from "../../../attack/client/hostile_client.ts";
import type { ModelPackage } from "../../../models/package/format.ts";
import { planInference } from "../../../models/planner/plan.ts";
import type { Protections } from "../../../models/protections/profile.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import {
  bigIntFromBytes,
  bytesFromBigInt,
} from "../../../sdk/paillier/public/big_integer.ts";
import { gcd, modPower } from "../../../sdk/paillier/public/modular.ts";
import { randomBelow } from "../../../sdk/paillier/public/random_integer.ts";
import { selectKernel } from "../../../sdk/paillier/public/select_kernel.ts";
import {
  randomReading,
  tinyDense,
  tinyModel,
} from "../../reference/tiny_models.ts";
import { sealingKey } from "../../support/gateway.ts";
import { testKey } from "../../vectors/keys.ts";
import { labelled } from "../../support/guarded.ts";

const key = testKey(512);
const standard = labelled(tinyDense(), "standard");
const strict = labelled(tinyDense(), "strict");
const reading = randomReading(standard, 1);

/** A client of functions that run with these protections in place of the profile's. */
async function withClient<T>(
  model: ModelPackage,
  protections: Partial<Protections>,
  use: (client: HostileClient) => Promise<T>,
  samples = 1,
): Promise<T> {
  const app = createApp({
    models: new MemoryModelStore(model),
    sealingKey,
    insecureKeys: true,
    protections,
  });
  const server = serveLocally(app.fetch);
  using client = new HostileClient(
    server.url,
    model.manifest.name,
    key,
  );
  try {
    await client.open(samples);
    return await use(client);
  } finally {
    await server.shutdown();
  }
}

const bare: Partial<Protections> = {
  channelOrder: false,
  disturbance: 0,
  hiddenDecoys: 0,
  scoreDecoys: "none",
  scores: "plain",
  selectorCheck: false,
  singleUse: false,
};

/** The first round's answers to the same reading twice. */
const twice = (protections: Partial<Protections>) =>
  withClient(standard, { ...bare, ...protections }, async (client) => {
    const ask = async () => {
      const { accumulators } = await client.ask(0, client.token, [reading]);
      return [...accumulators.samples[0]];
    };
    return [await ask(), await ask()];
  });

const sorted = (values: number[]) => values.toSorted((a, b) => a - b);

Deno.test("channels of the same reading come in another order each time", async () => {
  const [a, b] = await twice({ channelOrder: true });
  assert.notDeepEqual(a, b);
  assert.deepEqual(sorted(a), sorted(b));
  const [c, d] = await twice({});
  assert.deepEqual(c, d);
});

Deno.test("disturbance gives close but different numbers for the same reading", async () => {
  const [a, b] = await twice({ disturbance: 0.5 });
  assert.notDeepEqual(a, b);
  const [c, d] = await twice({});
  assert.deepEqual(c, d);
  const exact = [...simulate(tinyDense(), reading).rounds[0].accumulators];
  assert.deepEqual(c, exact);
  assert.ok(a.every((value, i) => Math.abs(value - exact[i]) <= 10));
});

Deno.test("hidden decoys add channels to those of the model", async () => {
  const [real] = standard.manifest.rounds[0].outputShape;
  assert.equal((await twice({ hiddenDecoys: 1 }))[0].length, 2 * real);
  assert.equal((await twice({}))[0].length, real);
});

/** Scores of one input, asked twice. */
const scores = (model: ModelPackage, protections: Partial<Protections>) =>
  withClient(model, { ...bare, ...protections }, async (client) => {
    const x = Float64Array.from({ length: 7 }, (_, i) => 3 * i + 1);
    const token = await client.tokenFor(1);
    const ask = async () => {
      const { accumulators } = await client.ask(1, token, [x]);
      return sorted([...accumulators.samples[0]]);
    };
    return [await ask(), await ask()];
  });

Deno.test("score decoys stand among the scores, as many as these", async () => {
  assert.equal(
    (await scores(standard, { scoreDecoys: "convex" }))[0].length,
    6,
  );
  assert.equal((await scores(standard, {}))[0].length, 3);
});

Deno.test("blinded scores have another scale and shift each time, in the same order", async () => {
  const [a, b] = await scores(standard, { scores: "blinded" });
  assert.notDeepEqual(a, b);
  const ratio = ([x, y, z]: number[]) => (z - y) / (y - x);
  assert.ok(
    Math.abs(ratio(a) / ratio(b) - 1) < 0.2,
    "ratios of differences stay",
  );
  const [c, d] = await scores(standard, {});
  assert.deepEqual(c, d);
});

Deno.test("comparisons have unrelated magnitudes and signs from one request to the next", async () => {
  const protections = { channelOrder: true, scores: "compared" } as const;
  const ratios = new Set<number>(), signs = new Set<number>();
  await withClient(strict, { ...bare, ...protections }, async (client) => {
    const x = Float64Array.from({ length: 7 }, (_, i) => 3 * i + 1);
    const token = await client.tokenFor(1);
    for (let i = 0; i < 24; i++) {
      const { accumulators } = await client.ask(1, token, [x]);
      const [first, second] = accumulators.samples[0];
      ratios.add(Math.abs(first / second));
      signs.add(Math.sign(first));
    }
  });
  assert.equal(ratios.size, 24);
  assert.ok(
    Math.max(...ratios) / Math.min(...ratios) > 50,
    "scales differ widely",
  );
  assert.deepEqual([...signs].sort(), [-1, 1]);
});

Deno.test("comparisons refuse samples side by side, which would share scales", async () => {
  const open = (model: ModelPackage) =>
    withClient(model, {}, () => Promise.resolve(), 2);
  await assert.rejects(open(strict), { code: "unsupported" });
  await open(standard);
});

/** The label round's answers to selectors of the same inference's scores. */
const select = (
  protections: Partial<Protections>,
  selectors: number[][],
) =>
  withClient(standard, { ...bare, ...protections }, async (client) => {
    const answer = await client.ask(1, await client.tokenFor(1), []);
    const labels: number[] = [];
    for (const selector of selectors) {
      const { accumulators } = await client.ask(2, answer.token, [
        Float64Array.from(selector),
      ]);
      labels.push(accumulators.samples[0][0]);
    }
    return labels;
  });

Deno.test("the selector check answers selectors of another sum than 1 with noise", async () => {
  const tries = Array(24).fill([0, 0, 0]);
  assert.deepEqual(new Set(await select({}, tries)), new Set([0]));
  const checked = new Set(await select({ selectorCheck: true }, tries));
  assert.ok(checked.size > 3, "uniform, not the sum");
  assert.deepEqual(
    await select({ selectorCheck: true }, [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
      .then(sorted),
    [0, 1, 2],
  );
});

Deno.test("a second selector of one inference is refused", async () => {
  const both = [[1, 0, 0], [0, 1, 0]];
  assert.equal((await select({}, both)).length, 2);
  await assert.rejects(
    select({ singleUse: true }, both),
    (error) =>
      error instanceof CipherlayerError && error.code === "token-spent",
  );
});

Deno.test("tokens of comparisons and counts are good for one request", async () => {
  await withClient(strict, {}, async (client) => {
    const compared = await client.ask(1, await client.tokenFor(1), []);
    await client.ask(2, compared.token, [Float64Array.of(1, 0, 1)]);
    await assert.rejects(
      client.ask(2, compared.token, [Float64Array.of(0, 0, 1)]),
      { code: "token-spent" },
    );
  });
});

/** One dense layer whose parities an attacker looks for. */
const oddEven = tinyModel(8, [4], [{
  kind: "dense",
  length: 24,
  weightLimit: 7,
}]);

/** Share of first-input weights whose parity the Legendre symbol of an answer tells. */
function paritiesTold(
  symbols: number[],
  model: ModelPackage,
): number {
  const { data } = model.tensors.get("round0.weights0")!;
  const told = symbols.filter((symbol, o) =>
    (symbol === -1) === (data[4 * o] % 2 !== 0)
  );
  return told.length / symbols.length;
}

Deno.test("without re-randomisation Legendre symbols reveal every weight's parity", async () => {
  const { modulus } = key.publicKey;
  const [p] = key.exportPrimes();
  const symbol = (c: bigint) => modPower(c, (p - 1n) / 2n, p) === 1n ? 1 : -1;
  const zero = (wanted: number) => {
    for (;;) {
      const r = randomBelow(modulus);
      if (gcd(r, modulus) !== 1n) continue;
      const c = modPower(r, modulus, modulus * modulus);
      if (symbol(c) === wanted) return c;
    }
  };
  const size = key.publicKey.ciphertextBytes;
  const ciphertexts = [-1, 1, 1, 1].map((s) => bytesFromBigInt(zero(s), size));

  const options = { modulusBits: 512, samples: 30, tensors: oddEven.tensors };
  const round = new CompiledRound(
    oddEven,
    0,
    planInference(oddEven.manifest, options).rounds[0],
  );
  assert.equal(round.plan.layout.valuesPerCiphertext, 1);
  const work = evaluateRound(selectKernel(), round, {
    modulus,
    ciphertexts,
    inputOrders: [null],
    outputOrder: null,
    range: { from: 0, to: 24 },
    method: round.method(1),
  });
  let step = work.next();
  while (!step.done) step = work.next();
  const bareSymbols = step.value.map(([a]) => symbol(a));
  assert.equal(paritiesTold(bareSymbols, oddEven), 1);

  await withClient(oddEven, {}, async (client) => {
    let told = 0;
    for (let i = 0; i < 8; i++) {
      const request = Uint8Array.from(
        ciphertexts.flatMap((bytes) => [...bytes]),
      );
      // Another ciphertext of the same kind each time: the same request gives the same answer.
      request.set(bytesFromBigInt(zero(-1), size), 0);
      const answer = await client.send(0, client.token, request);
      const symbols = Array.from(
        { length: 24 },
        (_, o) =>
          symbol(
            bigIntFromBytes(
              answer.ciphertexts.subarray(o * size, (o + 1) * size),
            ),
          ),
      );
      told += paritiesTold(symbols, oddEven) / 8;
    }
    // 192 fair coins: five standard deviations are 0.18.
    assert.ok(Math.abs(told - 0.5) < 0.18, `${told}`);
  }, 30);
});

Deno.test("ciphertexts of equal and of different readings look alike", () => {
  const { publicKey } = key;
  const bits = (c: bigint) => {
    const bytes = bytesFromBigInt(c, publicKey.ciphertextBytes);
    return bytes.reduce(
      (ones, byte) => ones + byte.toString(2).split("1").length - 1,
      0,
    );
  };
  const distance = (a: bigint, b: bigint) => bits(a ^ b);
  const differences = (m: bigint, other: bigint) =>
    Array.from(
      { length: 200 },
      () => distance(publicKey.encrypt(m), publicKey.encrypt(other)),
    );
  const equal = differences(5n, 5n), different = differences(5n, 77n);
  // Means of 200 distances of about 512 +- 16 bits: their difference within five deviations.
  assert.ok(
    Math.abs(mean(equal) - mean(different)) < 5 * 16 * Math.sqrt(2 / 200),
  );
});
