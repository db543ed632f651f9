/**
 * Mutations of what hides a model from its gateways: guards, masks, orders, randomisers.
 *
 * @module
 */
import type { Mutation } from "./mutations.ts";

export const privacyMutations: Mutation[] = [
  {
    name: "a constant scale for all requests",
    file: "functions/rounds/privacy/guard_answers.ts",
    find: "  return 2 ** exponent + Number(low);",
    replace: "  return 2 ** minBits + 0 * Number(low);",
    tests: ["tests/functions/rounds/privacy/guard_answers_test.ts"],
  },
  {
    name: "scales that are powers of two",
    file: "functions/rounds/privacy/guard_answers.ts",
    find: "  return 2 ** exponent + Number(low);",
    replace: "  return 2 ** exponent + 0 * Number(low);",
    tests: ["tests/functions/rounds/privacy/guard_answers_test.ts"],
  },
  {
    name: "no shift of blinded scores",
    file: "functions/rounds/privacy/guard_answers.ts",
    find:
      "() => Number(uniformBelow(BigInt(2 * shiftLimit + 1), random)) - shiftLimit",
    replace: "() => 0 * Number(uniformBelow(1n, random))",
    tests: ["tests/functions/rounds/privacy/guard_answers_test.ts"],
  },
  {
    name: "no noise on blinded scores",
    file: "functions/rounds/privacy/guard_answers.ts",
    find: "        drawn[i][place * layout.samples + slot]\n",
    replace: "        0 * drawn[i][place * layout.samples + slot]\n",
    tests: ["tests/functions/rounds/privacy/guard_answers_test.ts"],
  },
  {
    name: "one sign for all comparisons",
    file: "functions/rounds/privacy/guard_answers.ts",
    find: "(random(1)[0] & 1) === 1 ? 1 : -1",
    replace: "random(1)[0] < 256 ? 1 : -1",
    tests: ["tests/functions/rounds/privacy/guard_answers_test.ts"],
  },
  {
    name: "no noise on compared scores",
    file: "functions/rounds/privacy/guard_answers.ts",
    find: "return { scale, noise: spread - (scale - 1) };",
    replace: "return { scale, noise: 0 * spread };",
    tests: ["tests/functions/rounds/privacy/guard_answers_test.ts"],
  },
  {
    name: "no disturbance of hidden rounds",
    file: "functions/rounds/privacy/guard_answers.ts",
    find: "values.map((value) => value - amplitude)",
    replace: "values.map((value) => 0 * (value - amplitude))",
    tests: [
      "tests/models/protections/exactness_test.ts",
      "tests/models/protections/protections_test.ts",
    ],
  },
  {
    name: "a seed that ignores the token",
    file: "functions/rounds/privacy/seed.ts",
    find: "new Uint8Array(await hash(token)), 0",
    replace: "new Uint8Array(await hash(token.subarray(0, 0))), 0",
    tests: ["tests/functions/rounds/privacy/privacy_test.ts"],
  },
  {
    name: "a seed that ignores the ciphertexts",
    file: "functions/rounds/privacy/seed.ts",
    find: "new Uint8Array(await hash(ciphertexts)), 32",
    replace: "new Uint8Array(await hash(ciphertexts.subarray(0, 0))), 32",
    tests: ["tests/functions/rounds/privacy/privacy_test.ts"],
  },
  {
    name: "a seed that ignores the sealing key",
    file: "functions/rounds/privacy/seed.ts",
    find: 'return deriveKey(sealingKey, "round seed", request);',
    replace:
      'return deriveKey(sealingKey.subarray(0, 0), "round seed", request);',
    tests: ["tests/functions/rounds/privacy/privacy_test.ts"],
  },
  {
    name: "one stream for every purpose",
    file: "functions/rounds/privacy/seed.ts",
    find: "deriveKey(seed, purpose, new Uint8Array()) as",
    replace: 'deriveKey(seed, "any", new Uint8Array()) as',
    tests: ["tests/functions/rounds/privacy/privacy_test.ts"],
  },
  {
    name: "items that share a place of the stream",
    file: "functions/rounds/privacy/seed.ts",
    find: "BigInt(from * blocksEach)",
    replace: "0n * BigInt(from * blocksEach)",
    tests: ["tests/functions/rounds/privacy/privacy_test.ts"],
  },
  {
    name: "no mask above the used slots",
    file: "functions/rounds/privacy/mask.ts",
    find: "return spill + uniformBelow(max - 2n * spill, random);",
    replace: "return spill + 0n * uniformBelow(max - 2n * spill, random);",
    tests: ["tests/functions/rounds/privacy/privacy_test.ts"],
  },
  {
    name: "no mask on garbage slots",
    file: "functions/rounds/privacy/mask.ts",
    find: "randomBits(garbageBits, random);",
    replace: "0n * randomBits(garbageBits, random);",
    tests: ["tests/functions/rounds/privacy/privacy_test.ts"],
  },
  {
    name: "no offset in the slots",
    file: "functions/rounds/privacy/mask.ts",
    find: "ones * half + biases",
    replace: "0n * half + biases",
    tests: [
      "tests/functions/rounds/privacy/privacy_test.ts",
      "tests/functions/rounds/evaluate/evaluate_test.ts",
    ],
  },
  {
    name: "an order that leaves the first unit in place",
    file: "functions/rounds/privacy/order.ts",
    find: "BigInt(i + 1), random",
    replace: "BigInt(i), random",
    tests: ["tests/functions/rounds/privacy/privacy_test.ts"],
  },
  {
    name: "channels with slopes of their own trade places",
    file: "functions/rounds/privacy/order.ts",
    find: "step.negative.length > 1) return 1;",
    replace: "step.negative.length > 1000) return 1;",
    tests: ["tests/functions/rounds/privacy/privacy_test.ts"],
  },
  {
    name: "selectors of any sum are answered",
    file: "functions/rounds/privacy/selector_check.ts",
    find: "modPower(surplus, factor, square)",
    replace: "modPower(surplus, 0n * factor, square)",
    tests: [
      "tests/attack/meter_test.ts",
      "tests/models/protections/protections_test.ts",
      "tests/functions/rounds/privacy/session_test.ts",
    ],
  },
  {
    name: "one computation to its end before the next",
    file: "functions/rounds/privacy/paced.ts",
    find: "hasHadLess(b.task, a.task) ? b : a",
    replace: "a",
    tests: ["tests/functions/rounds/privacy/paced_test.ts"],
  },
  {
    name: "long computations starved by short ones",
    file: "functions/rounds/privacy/paced.ts",
    find: ">= longestWaitMs",
    replace: ">= 1e9",
    tests: ["tests/functions/rounds/privacy/paced_test.ts"],
  },
  {
    name: "computations of clients that have gone go on",
    file: "functions/rounds/privacy/paced.ts",
    find: "        signal?.throwIfAborted();\n",
    replace: "",
    tests: ["tests/functions/rounds/privacy/paced_test.ts"],
  },
  {
    name: "a bank for each stranger",
    file: "functions/rounds/privacy/bank_cache.ts",
    find: "first.answers <= baseCount(bitLength(modulus))",
    replace: "first.answers < 0",
    tests: ["tests/functions/rounds/privacy/bank_cache_test.ts"],
  },
  {
    name: "banks beyond their memory",
    file: "functions/rounds/privacy/bank_cache.ts",
    find: "if (this.bytes <= this.#maxBytes) return;",
    replace: "if (this.bytes > 0) return;",
    tests: ["tests/functions/rounds/privacy/bank_cache_test.ts"],
  },
  {
    name: "banks built side by side",
    file: "functions/rounds/privacy/bank_cache.ts",
    find: "if (this.#building) return;",
    replace: "",
    tests: ["tests/functions/rounds/privacy/bank_cache_test.ts"],
  },
  {
    name: "other randomisers without a bank",
    file: "functions/rounds/privacy/direct_randomiser.ts",
    find: "table + rows[i][bit * groups.length + group],",
    replace: "table + rows[i][group],",
    tests: ["tests/functions/rounds/privacy/privacy_test.ts"],
  },
  {
    name: "bases for keys of a few primes",
    file: "functions/rounds/privacy/key_bases.ts",
    find: "maxPrimes(modulusBits) + surplusBases",
    replace: "0 * maxPrimes(modulusBits) + surplusBases",
    tests: ["tests/functions/rounds/privacy/key_bases_test.ts"],
  },
  {
    name: "as many bases as primes",
    file: "functions/rounds/privacy/key_bases.ts",
    find: "const surplusBases = 40;",
    replace: "const surplusBases = 0;",
    tests: ["tests/functions/rounds/privacy/key_bases_test.ts"],
  },
  {
    name: "exponents too short to spread",
    file: "functions/rounds/privacy/key_bases.ts",
    find: "const surplusBits = 192;",
    replace: "const surplusBits = -192;",
    tests: ["tests/functions/rounds/privacy/key_bases_test.ts"],
  },
  {
    name: "plans made at one go",
    file: "functions/rounds/prepared_model.ts",
    find:
      "return await runPaced(limited(work, task, manifest.name), { task });",
    replace:
      "let step = work.next(); while (!step.done) step = work.next(); return step.value;",
    tests: ["tests/functions/rounds/prepared_model_test.ts"],
  },
  {
    name: "comparisons counted that nobody made",
    file: "functions/rounds/answer_round.ts",
    find: "  if (!known) {\n",
    replace: "  if (known === null) {\n",
    tests: ["tests/functions/rounds/replay_test.ts"],
  },
];
