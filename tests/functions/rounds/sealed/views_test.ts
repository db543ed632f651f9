/**
 * What each side sees: a gateway uniform numbers, colours and a label; a cloud messages
 * that do not depend on what it sends.
 *
 * @module
 */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { knowledgeOf } from "../../../../functions/rounds/sealed/knowledge.ts";
import { shareMasks } from "../../../../functions/rounds/sealed/seeds.ts";
import { sumOfNumbers } from "../../../../sdk/garbling/rounds/bits.ts";
import { garbledBytes } from "../../../../sdk/garbling/rounds/run.ts";
import { SealedInference } from "../../../../sdk/sealed/inference.ts";
import { batchAnswerBytes, rootSize } from "../../../../sdk/transfer/chain.ts";
import { encodeSealed } from "../../../../sdk/wire/sealed_messages.ts";
import { tinyModel } from "../../../reference/tiny_models.ts";
import { runCircuit } from "../../../garbling/run_circuit.ts";
import { seededBytes } from "../../../transfer/kernels.ts";
import {
  dealBatch,
  gates,
  SealedBench,
  tokens,
} from "../../../support/sealed.ts";
import { inputActivations } from "../../../../sdk/fixed_point/quantise.ts";

const small = tinyModel(6, [6], [
  { kind: "dense", length: 60 },
  { kind: "dense", length: 3 },
]);
const model = {
  ...small,
  manifest: { ...small.manifest, reveal: "label" as const },
};
const bench = new SealedBench(model);
const { plan, rounds } = bench.model;
const reading = Float64Array.from([3, -8, 31, 0, 7, 12]);
const begin = () =>
  new SealedInference(
    { plan, rounds, modulus: bench.modulus, gates },
    inputActivations([reading], plan.inputs),
  );

/** Chi-square of 16 buckets; above 45 once in 10^4 if the numbers are uniform. */
function chiSquare(numbers: readonly number[]): number {
  const counts = new Array(16).fill(0);
  for (const number of numbers) counts[number]++;
  const expected = numbers.length / 16;
  return counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
}

/** Buckets by the low end of a number, within its slots, and by the high end below `limit`. */
function checkUniform(
  numbers: readonly bigint[],
  limit: bigint | null,
): void {
  ok(chiSquare(numbers.map((x) => Number(x & 15n))) < 45, "low");
  ok(chiSquare(numbers.map((x) => Number(x >> 17n & 15n))) < 45, "middle");
  if (limit === null) return;
  ok(chiSquare(numbers.map((x) => Number(16n * x / limit))) < 45, "high");
}

Deno.test("answers of one reading and colours are uniform", async () => {
  const answers: bigint[] = [];
  const answered: bigint[] = [];
  let ones = 0, bits = 0;
  const ciphertexts = await bench.owner.encryptBatch(begin().plaintexts(0));
  for (let turn = 0; turn < 40; turn++) {
    const inference = begin();
    const [size] = bench.model.batches;
    const seed = { seed: new Uint8Array(32).fill(turn), size };
    const batch = dealBatch(seed, seededBytes(turn));
    const batchToken = tokens.seal({ ...bench.owned, opens: "batch", ...seed });
    const reply = await bench.linear(
      encodeSealed({ token: bench.start(turn), ciphertexts, batch: null }),
    );
    const opened = await bench.owner.decryptBatch(reply.ciphertexts);
    const call = inference.choose(0, opened, batch);
    const { head, chunks } = await bench.activation(
      encodeSealed({
        token: reply.token,
        batch: batchToken,
        ...call.request,
      }),
    );
    const running = call.begin(head.salt);
    let last = new Uint8Array();
    for (const chunk of chunks) {
      await running.push(chunk);
      last = chunk.slice();
    }
    running.finish();
    answers.push(...opened);
    answered.push(...inference.plaintexts(1));
    // Rows of projections end the answer: two for each number, under pads.
    for (const byte of last.subarray(-512)) {
      for (let i = 0; i < 8; i++) ones += byte >> i & 1;
    }
    bits += 8 * 512;
  }
  checkUniform(answers, bench.modulus);
  ok(Math.abs(ones - bits / 2) < 2.5 * Math.sqrt(bits));
  // Plaintexts are sums of numbers that are uniform below their top.
  checkUniform(answered, null);
});

Deno.test("every number of a masked element is uniform, whatever the element", async () => {
  const { shares, stages } = rounds[0], [part] = stages.at(-1)!.parts;
  const { valueBits, bits } = shares!;
  const limit = 1n << BigInt(bits), { lanes, circuit } = part;
  for (const value of [0, 1]) {
    const values = Array.from(
      { length: circuit.inputs },
      () => new Uint8Array(lanes).fill(value),
    );
    const told: bigint[][] = Array.from({ length: valueBits }, () => []);
    const sums: bigint[] = [];
    for (let turn = 0; turn < 20; turn++) {
      const seed = new Uint8Array(32).fill(turn);
      const masks = await shareMasks(seed, shares!);
      const run = runCircuit(circuit, values, lanes, {
        knowledge: knowledgeOf(part, {
          masks: { answers: [], shares: masks },
          first: 0,
          lanes,
        }),
        seed: turn,
      });
      for (let lane = 0; lane < lanes; lane++) {
        const numbers = run.values.map((all) =>
          sumOfNumbers(all.subarray(4 * lane, 4 * lane + 4), 4, bits)
        );
        numbers.forEach((number, i) => told[i].push(number));
        sums.push(numbers.reduce((a, b) => a + b) % limit);
      }
    }
    for (const numbers of [...told, sums]) checkUniform(numbers, limit);
    // A mask of fewer bits would show.
    throws(() => checkUniform(told[0].map((x) => x >> 1n), limit));
  }
});

Deno.test("requests are the same whatever a cloud answers for batch and tables", async () => {
  const honest = await requests(false), hostile = await requests(true);
  deepEqual(hostile.batch, honest.batch);
  deepEqual(hostile.choices, honest.choices);
  equal(hostile.plaintexts.length, honest.plaintexts.length);
  const [{ elements, slotBits }] = rounds[0].readers;
  const limit = 2n ** BigInt(elements[0].length * slotBits + 65);
  for (const plaintext of hostile.plaintexts) {
    ok(plaintext >= 0n && plaintext < limit && limit < bench.modulus);
  }
});

/** Messages of a gateway whose randomness is fixed. */
async function requests(hostile: boolean) {
  const random = seededBytes(17);
  const root = { seed: new Uint8Array(32).fill(5), size: rootSize };
  const parent = dealBatch(root, random);
  const [size] = bench.model.batches, inference = begin();
  const pending = parent.extend(size);
  // The same decrypted answers: what differs is all that a cloud can add to them.
  const answers = [3n ** 300n, 5n ** 300n].map((x) => x % bench.modulus);
  const noise = seededBytes(23);
  const answer = hostile
    ? noise(batchAnswerBytes(size))
    : (await bench.linear(encodeSealed({
      token: bench.start(),
      ciphertexts: await bench.owner.encryptBatch(inference.plaintexts(0)),
      batch: {
        token: tokens.seal({ ...bench.owned, opens: "batch", ...root }),
        ...pending.request,
      },
    }))).batch!.answer;
  const batch = pending.finish(answer);
  const call = inference.choose(0, answers, batch);
  const running = call.begin(noise(16));
  const bytes = noise(garbledBytes(rounds[0].stages));
  // In pieces of odd sizes, as a line may bring them.
  for (let at = 0; at < bytes.length; at += 1001) {
    await running.push(bytes.subarray(at, at + 1001));
  }
  running.finish();
  return {
    batch: pending.request,
    choices: call.request,
    plaintexts: inference.plaintexts(1),
  };
}

Deno.test("transfers are used up by a call that fails", () => {
  const random = seededBytes(2);
  const batch = dealBatch({ seed: random(32), size: 14_336 }, random);
  const used = new Set<number>();
  const note = (from: number, count: number) => {
    for (let i = from; i < from + count; i++) {
      ok(!used.has(i));
      used.add(i);
    }
  };
  for (let turn = 0; turn < 4; turn++) {
    const { from } = batch.choose(new Uint8Array(50));
    note(from, 50);
    const pending = batch.extend(8);
    note(pending.request.from, 5 * 112);
    let refused = false;
    try {
      pending.finish(new Uint8Array(turn));
    } catch {
      refused = true;
    }
    ok(refused);
  }
  equal(used.size, 4 * (50 + 560));
  // Nothing of it can be written down.
  equal(JSON.stringify(batch), `{"size":14336}`);
  deepEqual(Object.keys(structuredClone(batch)), ["size"]);
});
