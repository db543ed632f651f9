/**
 * Garbled calls in shards: the review's attack on shards that share a salt finds nothing,
 * and finds Delta where they do.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { answerActivation } from "../../../../functions/rounds/sealed/answer_activation.ts";
import { garbleStages } from "../../../../sdk/garbling/rounds/run.ts";
import { shardStages } from "../../../../sdk/garbling/rounds/shard.ts";
import { projectionWords } from "../../../../sdk/garbling/circuit.ts";
import { inputActivations } from "../../../../sdk/fixed_point/quantise.ts";
import { SealedInference } from "../../../../sdk/sealed/inference.ts";
import { concat } from "../../../../sdk/support/bytes.ts";
import { encodeSealed } from "../../../../sdk/wire/sealed_messages.ts";
import { shardRange } from "../../../../sdk/wire/messages.ts";
import { answerCiphertexts } from "../../../../sdk/fixed_point/layout.ts";
import { tinyModel } from "../../../reference/tiny_models.ts";
import {
  context,
  dealBatch,
  gates,
  nowMs,
  SealedBench,
  tokens,
  transfers,
} from "../../../support/sealed.ts";
import { sealedModel } from "../../../support/sealed_session.ts";

const bench = new SealedBench(sealedModel(tinyModel(9, [1, 6, 6], [
  { kind: "convolution", channels: 2, kernel: [3, 3], pool: "sum" },
  { kind: "dense", length: 3 },
])));
const { plan, rounds, batches } = bench.model;
const inference = new SealedInference(
  { plan, rounds, modulus: bench.modulus, gates },
  inputActivations([new Float64Array(36).fill(7)], plan.inputs),
);
const linear = encodeSealed({
  token: bench.start(),
  ciphertexts: await bench.owner.encryptBatch(inference.plaintexts(0)),
  batch: null,
});
const reply = await bench.linear(linear);
const seed = { seed: new Uint8Array(32).fill(3), size: batches[0] };
const batchToken = tokens.seal({ ...bench.owned, opens: "batch", ...seed });
const call = inference.choose(
  0,
  await bench.owner.decryptBatch(reply.ciphertexts),
  dealBatch(seed, bench.random),
);
const request = { token: reply.token, batch: batchToken, ...call.request };
const { delta, labels } = transfers.zeroLabels(seed, {
  from: request.from,
  count: rounds[0].chosen.bit.length,
  bits: request.choices,
});
const parts = [1, 2, 3].flatMap((shards) =>
  Array.from({ length: shards }, (_, shard) => ({ shard, shards }))
);

/** Whatever may be a ciphertext: four words, as far apart as lanes of a group. */
function* candidates(answer: Uint8Array): Generator<number[]> {
  const words = new Uint32Array(answer.slice(0, answer.length & ~3).buffer);
  for (let stride = 1; stride <= 4; stride++) {
    for (let i = 0; i + 3 * stride < words.length; i++) {
      yield [0, 1, 2, 3].map((w) => words[i + w * stride]);
    }
  }
}

/** Pairs of different answers that XOR to Delta. */
function deltaPairs(answers: readonly Uint8Array[]): number {
  const seen = new Map<string, number>();
  let pairs = 0;
  answers.forEach((answer, number) => {
    for (const [a, b, c, d] of candidates(answer)) {
      const other = seen.get(
        `${(a ^ delta[0]) >>> 0} ${(b ^ delta[1]) >>> 0} ${
          (c ^ delta[2]) >>> 0
        } ${(d ^ delta[3]) >>> 0}`,
      );
      if ((other ?? number) !== number) pairs++;
      seen.set(`${a} ${b} ${c} ${d}`, number);
    }
  });
  return pairs;
}

Deno.test("whatever shards of a garbled call are asked for, no two ciphertexts differ by Delta; under one salt they do", async () => {
  const answers: Uint8Array[] = [];
  for (const part of parts) {
    const { chunks } = await answerActivation(context, {
      model: bench.model,
      content: tokens.open(request.token, "activation", nowMs),
      batch: tokens.open(batchToken, "batch", nowMs),
      request,
      received: { token: request.token, body: encodeSealed(request) },
      ...part,
    });
    answers.push(concat(...chunks));
  }
  equal(deltaPairs(answers), 0);
  let next = 0;
  const shared = parts.slice(0, 2).map(({ shard, shards }) =>
    concat(
      ...garbleStages(gates, shardStages(rounds[0].stages, shard, shards), {
        choices: labels,
        secrets: { delta, salt: new Uint32Array(4) },
        knowledgeOf: ({ circuit }, _, lanes) => ({
          bits: Array.from(
            { length: circuit.knownBits },
            () => new Uint8Array(lanes).map(() => next++ % 3 & 1),
          ),
          values: circuit.projections.map(() =>
            new Uint32Array(projectionWords * lanes)
          ),
        }),
      }),
    )
  );
  ok(deltaPairs(shared) > 0);
});

Deno.test("shards of a linear call are parts of the whole, byte for byte, under one token", async () => {
  const answers = answerCiphertexts(plan.rounds[0].layout), size = 128;
  for (const part of parts) {
    const { token, ciphertexts } = await bench.linear(linear, context, part);
    const [from, to] = shardRange(answers, part.shard, part.shards);
    deepEqual(token, reply.token);
    deepEqual(ciphertexts, reply.ciphertexts.slice(size * from, size * to));
  }
});
