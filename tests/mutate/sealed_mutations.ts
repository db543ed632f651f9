/**
 * Mutations of sealed inferences: garbling, transfers, calls and tokens.
 *
 * @module
 */
import type { Mutation } from "./mutations.ts";

export const sealedMutations: Mutation[] = [
  {
    name: "expired session tokens are good",
    file: "functions/rounds/sealed_token.ts",
    find: "if (nowMs > content.expiresAt + clockToleranceMs) {",
    replace: "if (nowMs < 0) {",
    tests: [
      "tests/functions/rounds/privacy/privacy_test.ts",
      "tests/functions/rounds/privacy/tokens_test.ts",
    ],
  },
  {
    name: "session tokens of another sealing key are tried",
    file: "functions/rounds/sealed_token.ts",
    find: "equal(this.#keyId, token.subarray(0, keyIdBytes))",
    replace: "equal(this.#keyId, this.#keyId)",
    tests: [
      "tests/functions/rounds/privacy/privacy_test.ts",
      "tests/functions/rounds/privacy/tokens_test.ts",
    ],
  },
  {
    name: "sealed: one salt for all shards",
    file: "functions/rounds/sealed/seeds.ts",
    find: "`salt ${shard}/${shards}`",
    replace: '"salt"',
    tests: ["tests/functions/rounds/sealed/rules_test.ts"],
  },
  {
    name: "sealed: a seed without the body",
    file: "functions/rounds/sealed/seeds.ts",
    find: "  context.set(sha256(body), 32);",
    replace: "  context.set(sha256(body.subarray(0, 20)), 32);",
    tests: ["tests/functions/rounds/sealed/rules_test.ts"],
  },
  {
    name: "sealed: answers masked above their lowest bits",
    file: "functions/rounds/sealed/seeds.ts",
    find: "uniformBelow(modulus, source));",
    replace: "uniformBelow(modulus, source) >> 4n << 4n);",
    tests: ["tests/functions/rounds/sealed/views_test.ts"],
  },
  {
    name: "sealed: elements masked without surplus bits",
    file: "functions/rounds/sealed/seeds.ts",
    find: "Math.max(0, bits - 32 * w)",
    replace: "Math.max(0, bits - 8 - 32 * w)",
    tests: ["tests/functions/rounds/sealed/views_test.ts"],
  },
  {
    name: "sealed: one part of a mask beside every bit",
    file: "functions/rounds/sealed/knowledge.ts",
    find: "const from = projectionWords * part;",
    replace: "const from = 0 * part;",
    tests: ["tests/functions/rounds/sealed/exactness_test.ts"],
  },
  {
    name: "sealed: what rounds a first shift is left out",
    file: "functions/rounds/sealed/answer_linear.ts",
    find: "BigInt(bias + rounding)",
    replace: "BigInt(bias)",
    tests: ["tests/functions/rounds/sealed/exactness_test.ts"],
  },
  {
    name: "sealed: lanes counted from 0 in each chunk",
    file: "sdk/garbling/rounds/run.ts",
    find: "firstLane: first };",
    replace: "firstLane: 0 };",
    tests: ["tests/functions/rounds/sealed/rules_test.ts"],
  },
  {
    name: "sealed: tokens of other circuits accepted",
    file: "functions/rounds/sealed/answer_activation.ts",
    find: "  checkDigest(round.digest, content.digest);",
    replace: "",
    tests: ["tests/functions/rounds/sealed/rules_test.ts"],
  },
  {
    name: "sealed: transfers of another account accepted",
    file: "functions/rounds/sealed/answer_activation.ts",
    find: "  checkOwner(batch, content);",
    replace: "",
    tests: ["tests/functions/rounds/sealed/rules_test.ts"],
  },
  {
    name: "sealed: a noise bit that the sender sets",
    file: "sdk/transfer/batch.ts",
    find: "    grown[leaf] |= 1;",
    replace: "",
    tests: ["tests/transfer/batch_test.ts"],
  },
  {
    name: "sealed: transfers given back by a call that fails",
    file: "sdk/transfer/receiver.ts",
    find: "    this.#next += bits.length;",
    replace: "    setTimeout(() => this.#next += bits.length);",
    tests: ["tests/functions/rounds/sealed/views_test.ts"],
  },
  {
    name: "sealed: labels that cost nothing",
    file: "functions/http/sealed.ts",
    find: "      await this.#charge(c, content.model, content.samples);",
    replace: "",
    tests: ["tests/e2e/sealed_test.ts"],
  },
  {
    name: "sealed: transfers that outlive a stopped machine",
    file: "sdk/sealed/transfers.ts",
    find: "Math.abs(now - this.#beganAt) > clockToleranceMs",
    replace: "Math.abs(now - this.#beganAt) > 1e9",
    tests: ["tests/e2e/sealed_test.ts"],
  },
  {
    name: "sealed: a reply that broke on the way is evaluated to its end",
    file: "sdk/wire/byte_sequence.ts",
    find: " || !equal(this.#held, digest)",
    replace: "",
    tests: ["tests/sdk/wire/byte_sequence_test.ts"],
  },
  {
    name: "sealed: models served without a budget of labels",
    file: "functions/http/sessions.ts",
    find: "    labelBudget(options.budget);",
    replace: "",
    tests: ["tests/e2e/sealed_test.ts"],
  },
  {
    name: "sealed: plans of any size",
    file: "sdk/garbling/rounds/sealed_rounds.ts",
    find: "  if (bytes <= maxGarbledBytes) return;",
    replace: "  if (bytes > 0) return;",
    tests: ["tests/e2e/hostile_sealed_test.ts"],
  },
  {
    name: "sealed: a reply of any number of items",
    file: "sdk/wire/byte_sequence.ts",
    find: " && this.#left-- <= 0",
    replace: " && this.#left-- < -1e9",
    tests: ["tests/sdk/wire/byte_sequence_test.ts"],
  },
  {
    name: "sealed: empty items of a reply",
    file: "sdk/wire/byte_sequence.ts",
    find: "length === 0 || length > maxItemBytes",
    replace: "length > maxItemBytes",
    tests: ["tests/sdk/wire/byte_sequence_test.ts"],
  },
  {
    name: "sealed: a salt of another length",
    file: "sdk/wire/sealed_messages.ts",
    find: "salt: exactBytes(16)",
    replace: "salt: bytes(16)",
    tests: ["tests/e2e/hostile_sealed_test.ts"],
  },
  {
    name: "sealed: a call evaluated without a pause",
    file: "sdk/garbling/rounds/run.ts",
    find: "      if (this.#pacer.due()) await this.#pacer.pause();",
    replace: "",
    tests: ["tests/garbling/evaluator_test.ts"],
  },
];
