import assert from "node:assert/strict";
import { ctr } from "@noble/ciphers/aes.js";
import fc from "fast-check";
import { chiSquared } from "../../../../bench/paper/statistics.ts";
import {
  answerMask,
  maskBytes,
} from "../../../../functions/rounds/privacy/mask.ts";
import { expandOrder } from "../../../../functions/rounds/arithmetic/order.ts";
import {
  drawOrder,
  orderUnits,
} from "../../../../functions/rounds/privacy/order.ts";
import { DirectRandomiser } from "../../../../functions/rounds/privacy/direct_randomiser.ts";
import {
  PowerRandomiser,
  RandomiserBank,
} from "../../../../functions/rounds/privacy/randomisers.ts";
import {
  deriveKey,
  roundSeed,
  seedSources,
} from "../../../../functions/rounds/privacy/seed.ts";
import {
  type TokenContent,
  TokenSealer,
} from "../../../../functions/rounds/sealed_token.ts";
import { planInference } from "../../../../models/planner/plan.ts";
import { blockSlots, usedSlots } from "../../../../sdk/fixed_point/layout.ts";
import { bigIntFromBytes } from "../../../../sdk/paillier/public/big_integer.ts";
import { bigIntKernel } from "../../../../sdk/paillier/public/kernel_bigint.ts";
import { modPower } from "../../../../sdk/paillier/public/modular.ts";
import { selectKernel } from "../../../../sdk/paillier/public/select_kernel.ts";
import type { DenseLayout, SpatialLayout } from "../../../../sdk/wire/plan.ts";
import {
  seededIntegers,
  tinyLeNet,
  tinyModel,
  tinyResidual,
  tinySignal,
} from "../../../reference/tiny_models.ts";
import { testKey } from "../../../vectors/keys.ts";

const seed = new Uint8Array(32).fill(5);
const key = testKey(512);
const n = key.publicKey.modulus;

function run<T>(work: Generator<void, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

Deno.test("an item's bytes are AES-256-CTR at its own place, whatever range it is in", async () => {
  const key = deriveKey(seed, "mask", new Uint8Array());
  const each = 100, blocks = 7;
  for (const [from, to] of [[0, 5], [3, 5], [4, 5], [2 ** 30, 2 ** 30 + 2]]) {
    const sources = await seedSources(seed, "mask", { from, to }, each);
    assert.equal(sources.length, to - from);
    sources.forEach((source, i) => {
      const counter = new Uint8Array(16);
      const place = BigInt(from + i) * BigInt(blocks);
      new DataView(counter.buffer).setBigUint64(8, place);
      const expected = ctr(key, counter).encrypt(new Uint8Array(16 * blocks));
      const pieces = [0, 1, 60, 39].flatMap((length) => [...source(length)]);
      assert.deepEqual(pieces, [...expected.subarray(0, each)]);
      assert.throws(() => source(100), RangeError);
    });
  }
});

Deno.test("seeds and sources differ by every input", async () => {
  const bytes = (value: number) => new Uint8Array(40).fill(value);
  const seeds = await Promise.all([
    roundSeed(seed, bytes(1), bytes(2)),
    roundSeed(seed, bytes(2), bytes(1)),
    roundSeed(seed, bytes(5), bytes(2)),
    roundSeed(seed, bytes(1), bytes(3)),
    roundSeed(bytes(4).slice(0, 32), bytes(1), bytes(2)),
  ]);
  const sources = await Promise.all([
    seedSources(seed, "mask", { from: 0, to: 2 }, 32),
    seedSources(seed, "order", { from: 0, to: 1 }, 32),
    seedSources(seeds[0], "mask", { from: 0, to: 1 }, 32),
  ]);
  const all = [...seeds, ...sources.flat().map((source) => source(32))];
  assert.equal(new Set(all.map((value) => value.join())).size, all.length);
});

Deno.test("orders are permutations, all of them possible and equally likely", async () => {
  const counts = new Map<string, number>();
  for (let turn = 0; turn < 2400; turn++) {
    const own = deriveKey(seed, `turn ${turn}`, new Uint8Array());
    const order = (await drawOrder(own, 4)).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 24);
  const unevenness = chiSquared([...counts.values()]);
  // 23 degrees of freedom: the 99.99 % point. The seeds are fixed.
  assert(unevenness < 56, `${unevenness}`);
  assert.deepEqual([...expandOrder(Uint32Array.of(2, 0, 1), 6)], [
    4,
    5,
    0,
    1,
    2,
    3,
  ]);
});

Deno.test("channels move where every reader can undo it, and nowhere else", () => {
  const units = (model: ReturnType<typeof tinyLeNet>) => {
    const plan = planInference(model.manifest, {
      modulusBits: 1024,
      samples: 1,
    });
    return plan.rounds.map((_, index) => orderUnits(plan, index));
  };
  assert.deepEqual(units(tinyLeNet()), [3, 4, 10, 1]);
  assert.deepEqual(units(tinyResidual()), [4, 4, 4, 1]);
  assert.deepEqual(units(tinySignal()), [3, 2, 6, 1]);
  // A dense output read as an image of 2 channels moves in halves only.
  const reshaped = tinyModel(7, [6], [
    { kind: "dense", length: 8 },
    { kind: "dense", length: 3 },
  ]);
  const plan = planInference(reshaped.manifest, {
    modulusBits: 1024,
    samples: 1,
  });
  plan.rounds[0].steps.push(
    { op: "reshape", shape: [2, 2, 2] },
    { op: "sumPool", kernel: [1, 1], stride: [1, 1], pads: [0, 0, 0, 0] },
    { op: "reshape", shape: [8] },
  );
  assert.equal(orderUnits(plan, 0), 2);
  // A transpose names the places that it takes elements from.
  const [round, ...later] = plan.rounds;
  const turned = { op: "transpose" as const, shape: [2, 4], order: [1, 0] };
  assert.equal(
    orderUnits(
      { ...plan, rounds: [{ ...round, steps: [turned] }, ...later] },
      0,
    ),
    1,
  );
  // Slopes of their own name the channels; one slope for all does not.
  const sloped = (negative: number[]) => {
    const [first, ...others] = plan.rounds;
    const steps = [{ op: "leakyRelu" as const, positive: 1, negative }];
    return orderUnits({ ...plan, rounds: [{ ...first, steps }, ...others] }, 0);
  };
  assert.equal(sloped([2]), 8);
  assert.equal(sloped([1, 2, 3, 4, 5, 6, 7, 8]), 1);
});

const spatial: SpatialLayout = {
  kind: "spatial",
  samples: 2,
  tile: [1, 1],
  grid: [2, 3],
  inputs: [],
  output: [5, 2, 3],
  slotBits: 9,
  valuesPerCiphertext: 2,
};
const folded: DenseLayout = {
  kind: "dense",
  samples: 2,
  fold: 3,
  inputs: [{ tensor: "x", length: 9 }],
  outputLength: 5,
  slotBits: 11,
  guardBits: 1,
  valuesPerCiphertext: 3,
};

Deno.test("masks leave used slots readable, never wrap, and hide the rest", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(spatial, folded),
      fc.nat(2),
      fc.integer({ min: -20, max: 20 }),
      fc.integer(),
      (layout, answer, bias, numbers) => {
        const random = seededIntegers(numbers);
        const slotBits = BigInt(layout.slotBits);
        const dense = layout.kind === "dense";
        const half = 2 ** (layout.slotBits - 1);
        const used = usedSlots(layout, answer);
        const spill = dense ? (layout.fold - 1) * layout.samples : 0;
        const isUseful = (slot: number) =>
          !dense || slot % blockSlots(layout) >= spill;
        // Honest: what bias and doubling leave room for; garbage also above.
        const scale = dense ? 2 : 1;
        const slots = Array.from({ length: used + spill }, () => {
          const max = half / scale - 1;
          return random(-max - Math.min(bias, 0), max - Math.max(bias, 0));
        });
        const plaintext = slots.reduceRight(
          (sum, slot) => (sum << slotBits) + BigInt(scale * slot),
          0n,
        );
        const bytes = (length: number) =>
          Uint8Array.from({ length }, () => random(0, 255));
        const mask = answerMask(layout, answer, {
          bias: () => bias,
          modulus: n,
          random: bytes,
        });
        const total = plaintext + mask;
        assert(0n <= mask && 0n <= total && total < n);
        for (let slot = 0; slot < used; slot++) {
          if (!isUseful(slot)) continue;
          const digit = Number(
            BigInt.asUintN(layout.slotBits, total >> BigInt(slot) * slotBits),
          );
          assert.equal(
            Math.floor((digit - half) / scale),
            slots[slot] + bias,
            `slot ${slot}`,
          );
        }
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("what the gateway must not see is uniform: garbage slots and the bits above", async () => {
  const buckets = { low: new Array(16).fill(0), above: new Array(16).fill(0) };
  const usedBits = BigInt(usedSlots(folded, 0) * folded.slotBits);
  const turns = 3200;
  const range = { from: 0, to: turns };
  const bytesEach = maskBytes(folded, 512);
  const sources = await seedSources(seed, "mask", range, bytesEach);
  for (let turn = 0; turn < turns; turn++) {
    const mask = answerMask(folded, 0, {
      bias: () => 3,
      modulus: n,
      random: sources[turn],
    });
    // The second value's first garbage slot, and the top of the plaintext.
    const slot = mask >> BigInt(blockSlots(folded) * folded.slotBits);
    buckets.low[Number(slot & 2047n) >> 7]++;
    buckets.above[Number((mask >> usedBits) * 16n / (n >> usedBits))]++;
  }
  for (const [name, counts] of Object.entries(buckets)) {
    const unevenness = chiSquared(counts);
    // 15 degrees of freedom: the 99.99 % point.
    assert(unevenness < 45, `${name}: ${unevenness}`);
  }
});

Deno.test("randomisers keep the plaintext and replace the randomness", async () => {
  const [p] = key.exportPrimes();
  const legendre = (value: bigint) =>
    modPower(value % p, (p - 1n) / 2n, p) === 1n;
  const count = 70;
  const mask = 1234567n;
  // A ciphertext whose randomness is a quadratic residue modulo p, as a gateway
  // would choose to test guesses of weights.
  const ciphertext = (1n + 41n * n) * modPower(16n, n, n * n) % (n * n);
  const answers = Array(count).fill([ciphertext % n, ciphertext / n] as const);
  const masks = Array(count).fill(mask);
  for (const kernel of [bigIntKernel, selectKernel()]) {
    const randomisers = [
      run(RandomiserBank.build(kernel, seed, n, 9)),
      new PowerRandomiser(kernel, n),
    ];
    for (const randomiser of randomisers) {
      const out = new Uint8Array(count * 128);
      const sources = await seedSources(
        seed,
        "randomiser",
        { from: 0, to: count },
        randomiser.bytesPerAnswer,
      );
      run(randomiser.randomise(answers, masks, sources, out));
      const values = answers.map((_, i) =>
        bigIntFromBytes(out.subarray(128 * i, 128 * (i + 1)))
      );
      for (const value of values) {
        assert.equal(key.decrypt(value), 41n + mask);
      }
      assert.equal(new Set(values).size, count);
      // 70 coins: outside of [18, 52] once in 20,000.
      const residues = values.filter(legendre).length;
      assert(residues >= 18 && residues <= 52, `${residues} residues`);
    }
  }
});

Deno.test("without a bank the same randomisers, for any number of answers", async () => {
  const bank = run(RandomiserBank.build(selectKernel(), seed, n, 13));
  for (const count of [1, 2, 33]) {
    const answers = Array.from(
      { length: count },
      (_, i) => [BigInt(3 + i), 5n] as const,
    );
    const masks = answers.map((_, i) => BigInt(1000 + i));
    const sources = () =>
      seedSources(
        seed,
        "randomiser",
        { from: 0, to: count },
        bank.bytesPerAnswer,
      );
    const expected = new Uint8Array(count * 128);
    run(bank.randomise(answers, masks, await sources(), expected));
    for (
      const kernel of count < 5
        ? [bigIntKernel, selectKernel()]
        : [selectKernel()]
    ) {
      const direct = new DirectRandomiser(kernel, seed, n);
      assert.equal(direct.bytesPerAnswer, bank.bytesPerAnswer);
      const out = new Uint8Array(count * 128);
      run(direct.randomise(answers, masks, await sources(), out));
      assert.deepEqual(out, expected);
    }
  }
});

Deno.test("a bank is the same on every instance, kernel and cut, and another for another key", () => {
  const bytes = (length: number) =>
    Uint8Array.from({ length }, (_, i) => 37 * i);
  const randomised = (
    kernel: typeof bigIntKernel,
    sealingKey: Uint8Array,
    groups: number,
  ) => {
    const out = new Uint8Array(128);
    const bank = run(RandomiserBank.build(kernel, sealingKey, n, groups));
    run(bank.randomise([[1n, 0n]], [0n], [bytes], out));
    return out;
  };
  const expected = randomised(bigIntKernel, seed, 9);
  assert.deepEqual(randomised(selectKernel(), seed, 9), expected);
  for (const groups of [104, 13, 10]) {
    assert.deepEqual(randomised(selectKernel(), seed, groups), expected);
  }
  assert.notDeepEqual(randomised(bigIntKernel, seed.map(() => 6), 9), expected);
});

Deno.test("equal content gives equal tokens, and a token opens to what was sealed", () => {
  fc.assert(
    fc.property(
      fc.record({
        model: fc.string({ maxLength: 50 }),
        version: fc.string({ maxLength: 20 }),
        planHash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
        samples: fc.integer({ min: 1, max: 4096 }),
        round: fc.nat(1000),
        predictedMs: fc.nat(),
        shards: fc.integer({ min: 1, max: 64 }),
        modulus: fc.uint8Array({ minLength: 64, maxLength: 512 }),
        nonce: fc.uint8Array({ minLength: 16, maxLength: 16 }),
        orders: fc.array(
          fc.record({
            round: fc.nat(1000),
            seed: fc.uint8Array({ minLength: 16, maxLength: 16 }),
          }, { noNullPrototype: true }),
          { maxLength: 4 },
        ),
        account: fc.uint8Array({ minLength: 32, maxLength: 32 }),
        expiresAt: fc.nat(),
      }, { noNullPrototype: true }),
      (content: TokenContent) => {
        const token = new TokenSealer(seed).seal(content);
        assert.deepEqual(new TokenSealer(seed).seal({ ...content }), token);
        assert.deepEqual(new TokenSealer(seed).open(token, 0), content);
        // Clocks may differ by a minute, and no more.
        const { expiresAt } = content;
        new TokenSealer(seed).open(token, expiresAt + 60_000);
        assert.throws(
          () => new TokenSealer(seed).open(token, expiresAt + 60_001),
          { code: "token-expired" },
        );
      },
    ),
    { numRuns: 50 },
  );
});
