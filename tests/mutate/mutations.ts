/**
 * One-line changes that break a promise of security or arithmetic, each with the
 * tests that must fail on it.
 *
 * @module
 */

import { functionsMutations } from "./functions_mutations.ts";
import { gatewayMutations } from "./gateway_mutations.ts";

/** A change of one place in one file. */
export interface Mutation {
  /** What the change breaks, in a few words; unique. */
  name: string;
  file: string;
  /** Text that stands in the file exactly once. */
  find: string;
  replace: string;
  /** Test files of which at least one must fail. */
  tests: string[];
}

const privacy = "tests/functions/rounds/privacy";
const guards = `${privacy}/guard_answers_test.ts`;
const primitives = `${privacy}/privacy_test.ts`;
const paillier = "tests/sdk/paillier";
const evaluation = "tests/functions/rounds/evaluate/evaluate_test.ts";
const packing = "tests/sdk/fixed_point/packing_test.ts";
const steps = "tests/sdk/activations/steps_test.ts";
const sealed = "tests/functions/rounds/sealed";
const sealedRules = `${sealed}/rules_test.ts`;
const sealedViews = `${sealed}/views_test.ts`;

export const mutations: Mutation[] = [
  // Guards of scores.
  {
    name: "a constant scale for all requests",
    file: "functions/rounds/privacy/guard_answers.ts",
    find: "  return 2 ** exponent + Number(low);",
    replace: "  return 2 ** minBits + 0 * Number(low);",
    tests: [guards],
  },
  {
    name: "scales that are powers of two",
    file: "functions/rounds/privacy/guard_answers.ts",
    find: "  return 2 ** exponent + Number(low);",
    replace: "  return 2 ** exponent + 0 * Number(low);",
    tests: [guards],
  },
  {
    name: "no shift of blinded scores",
    file: "functions/rounds/privacy/guard_answers.ts",
    find:
      "() => Number(uniformBelow(BigInt(2 * shiftLimit + 1), random)) - shiftLimit",
    replace: "() => 0 * Number(uniformBelow(1n, random))",
    tests: [guards],
  },
  {
    name: "no noise on blinded scores",
    file: "functions/rounds/privacy/guard_answers.ts",
    find: "        drawn[i][place * layout.samples + slot]\n",
    replace: "        0 * drawn[i][place * layout.samples + slot]\n",
    tests: [guards],
  },
  {
    name: "one sign for all comparisons",
    file: "functions/rounds/privacy/guard_answers.ts",
    find: "(random(1)[0] & 1) === 1 ? 1 : -1",
    replace: "random(1)[0] < 256 ? 1 : -1",
    tests: [guards],
  },
  {
    name: "no noise on compared scores",
    file: "functions/rounds/privacy/guard_answers.ts",
    find: "return { scale, noise: spread - (scale - 1) };",
    replace: "return { scale, noise: 0 * spread };",
    tests: [guards],
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
  // Seeds, masks, orders.
  {
    name: "a seed that ignores the token",
    file: "functions/rounds/privacy/seed.ts",
    find: "new Uint8Array(await hash(token)), 0",
    replace: "new Uint8Array(await hash(token.subarray(0, 0))), 0",
    tests: [primitives],
  },
  {
    name: "a seed that ignores the ciphertexts",
    file: "functions/rounds/privacy/seed.ts",
    find: "new Uint8Array(await hash(ciphertexts)), 32",
    replace: "new Uint8Array(await hash(ciphertexts.subarray(0, 0))), 32",
    tests: [primitives],
  },
  {
    name: "a seed that ignores the sealing key",
    file: "functions/rounds/privacy/seed.ts",
    find: 'return deriveKey(sealingKey, "round seed", request);',
    replace:
      'return deriveKey(sealingKey.subarray(0, 0), "round seed", request);',
    tests: [primitives],
  },
  {
    name: "one stream for every purpose",
    file: "functions/rounds/privacy/seed.ts",
    find: "deriveKey(seed, purpose, new Uint8Array()) as",
    replace: 'deriveKey(seed, "any", new Uint8Array()) as',
    tests: [primitives],
  },
  {
    name: "items that share a place of the stream",
    file: "functions/rounds/privacy/seed.ts",
    find: "BigInt(from * blocksEach)",
    replace: "0n * BigInt(from * blocksEach)",
    tests: [primitives],
  },
  {
    name: "no mask above the used slots",
    file: "functions/rounds/privacy/mask.ts",
    find: "return spill + uniformBelow(max - 2n * spill, random);",
    replace: "return spill + 0n * uniformBelow(max - 2n * spill, random);",
    tests: [primitives],
  },
  {
    name: "no mask on garbage slots",
    file: "functions/rounds/privacy/mask.ts",
    find: "randomBits(garbageBits, random);",
    replace: "0n * randomBits(garbageBits, random);",
    tests: [primitives],
  },
  {
    name: "no offset in the slots",
    file: "functions/rounds/privacy/mask.ts",
    find: "ones * half + biases",
    replace: "0n * half + biases",
    tests: [primitives, evaluation],
  },
  {
    name: "an order that leaves the first unit in place",
    file: "functions/rounds/privacy/order.ts",
    find: "BigInt(i + 1), random",
    replace: "BigInt(i), random",
    tests: [primitives],
  },
  {
    name: "channels with slopes of their own trade places",
    file: "functions/rounds/privacy/order.ts",
    find: "step.negative.length > 1) return 1;",
    replace: "step.negative.length > 1000) return 1;",
    tests: [primitives],
  },
  {
    name: "selectors of any sum are answered",
    file: "functions/rounds/privacy/selector_check.ts",
    find: "modPower(surplus, factor, square)",
    replace: "modPower(surplus, 0n * factor, square)",
    tests: [
      "tests/attack/meter_test.ts",
      "tests/models/protections/protections_test.ts",
      `${privacy}/session_test.ts`,
    ],
  },
  // Session tokens.
  {
    name: "expired session tokens are good",
    file: "functions/rounds/sealed_token.ts",
    find: "if (nowMs > content.expiresAt + clockToleranceMs) {",
    replace: "if (nowMs < 0) {",
    tests: [primitives, `${privacy}/tokens_test.ts`],
  },
  {
    name: "session tokens of another sealing key are tried",
    file: "functions/rounds/sealed_token.ts",
    find: "equal(this.#keyId, token.subarray(0, keyIdBytes))",
    replace: "equal(this.#keyId, this.#keyId)",
    tests: [primitives, `${privacy}/tokens_test.ts`],
  },
  // Ciphertexts from a gateway.
  {
    name: "multiples of a prime of N are evaluated",
    file: "functions/rounds/evaluate/operands.ts",
    find: "if (gcd(product % modulus, modulus) !== 1n) {",
    replace: "if (gcd(product % modulus, modulus) < 0n) {",
    tests: [evaluation, "tests/attack/meter_test.ts"],
  },
  {
    name: "ciphertexts beyond N^2 are evaluated",
    file: "functions/rounds/evaluate/operands.ts",
    find: "if (value === 0n || value >= square) {",
    replace: "if (value === 0n) {",
    tests: [evaluation, "tests/functions/http/faults_test.ts"],
  },
  {
    name: "the ciphertext 0 is evaluated",
    file: "functions/rounds/evaluate/operands.ts",
    find: "if (value === 0n || value >= square) {",
    replace: "if (value >= square) {",
    tests: [evaluation, "tests/functions/http/faults_test.ts"],
  },
  // Key proofs.
  {
    name: "a proof's roots are not checked",
    file: "sdk/paillier/public/key_proof.ts",
    find: "modPower(root, modulus, modulus) !== keyChallenge(modulus, index)",
    replace: "modPower(root, modulus, modulus) < 0n",
    tests: [`${paillier}/key_proof_test.ts`],
  },
  {
    name: "moduli with small factors are accepted",
    file: "sdk/paillier/public/key_proof.ts",
    find: "if (smallPrimes.divideAny(modulus)) {",
    replace: "if (smallPrimes.divideAny(1n)) {",
    tests: [`${paillier}/key_proof_test.ts`],
  },
  {
    name: "short moduli are accepted",
    file: "sdk/paillier/public/key_proof.ts",
    find: "const permitted = secureLengths.includes(bits) ||",
    replace: "const permitted = bits > 0 ||",
    tests: [`${paillier}/key_proof_test.ts`],
  },
  {
    name: "a proof of fewer roots is accepted",
    file: "sdk/paillier/public/key_proof.ts",
    find: "if (proof.length !== proofRoots) {",
    replace: "if (proof.length > proofRoots) {",
    tests: [`${paillier}/key_proof_test.ts`],
  },
  // Public-key operations.
  {
    name: "encryption without randomness",
    file: "sdk/paillier/public/public_key.ts",
    find: "return message * this.#encryptionOfZero(random) % this.#square;",
    replace: "return message % this.#square;",
    tests: [`${paillier}/keys_test.ts`],
  },
  {
    name: "re-randomisation that changes nothing",
    file: "sdk/paillier/public/public_key.ts",
    find: "return this.#checked(ciphertext) * this.#encryptionOfZero(random) %",
    replace: "return this.#checked(ciphertext) *",
    tests: [`${paillier}/keys_test.ts`],
  },
  // Slots.
  {
    name: "a borrow between slots is lost",
    file: "sdk/fixed_point/slots.ts",
    find: "    this.#carry = carry;",
    replace: "    this.#carry = 0 * carry;",
    tests: [packing],
  },
  {
    name: "the last borrow is lost",
    file: "sdk/fixed_point/slots.ts",
    find: "BigInt(this.#carry + carryBias) << bit",
    replace: "BigInt(0 * this.#carry + carryBias) << bit",
    tests: [packing],
  },
  {
    name: "the top bit of the used slots is dropped",
    file: "sdk/fixed_point/slots.ts",
    find: "BigInt.asUintN(bits, plaintext)",
    replace: "BigInt.asUintN(bits - 1, plaintext)",
    tests: [packing],
  },
  {
    name: "a doubled value rounds towards zero",
    file: "sdk/fixed_point/packing.ts",
    find: "Math.floor(read(slot + usefulSlot + s) / divisor)",
    replace: "Math.trunc(read(slot + usefulSlot + s) / divisor)",
    tests: [packing, "tests/e2e/exactness_test.ts"],
  },
  // Arithmetic between rounds.
  {
    name: "requantisation truncates",
    file: "sdk/activations/scaling.ts",
    find: "Math.floor((values[i] * multiplier + half) * unit)",
    replace: "Math.floor(values[i] * multiplier * unit)",
    tests: [steps],
  },
  {
    name: "requantisation does not clamp above",
    file: "sdk/activations/scaling.ts",
    find: "scaled < low ? low : scaled > high ? high : scaled",
    replace: "scaled < low ? low : scaled",
    tests: [steps],
  },
  {
    name: "requantisation does not clamp below",
    file: "sdk/activations/scaling.ts",
    find: "scaled < low ? low : scaled > high ? high : scaled",
    replace: "scaled > high ? high : scaled",
    tests: [steps],
  },
  {
    name: "one slope for all channels",
    file: "sdk/activations/scaling.ts",
    find: "negative[Math.floor(i / perSlope)]",
    replace: "negative[0 * Math.floor(i / perSlope)]",
    tests: [steps],
  },
  // What a gateway relies on.
  {
    name: "a renewed session may keep another contract",
    file: "sdk/session/contract_keeper.ts",
    find: "if (expected !== undefined && contract !== expected) {",
    replace: "if (expected === contract && contract !== expected) {",
    tests: ["tests/e2e/contract_test.ts"],
  },
  {
    name: "two first uses at once under two contracts",
    file: "sdk/session/contract_keeper.ts",
    find: "known = isFirst ? contract",
    replace: "known = isFirst || store ? contract",
    tests: ["tests/e2e/contract_test.ts"],
  },
  {
    name: "a session of another model",
    file: "sdk/session/connecting.ts",
    find: "if (opened.model !== model) {",
    replace: "if (opened.model === null) {",
    tests: ["tests/e2e/contract_test.ts"],
  },
  {
    name: "a contract of an earlier run is forgotten",
    file: "sdk/session/contract_keeper.ts",
    find: "await store?.read(model) ?? undefined",
    replace: "undefined",
    tests: ["tests/e2e/contract_test.ts"],
  },
  {
    name: "an application's answer accepts what a pin excludes",
    file: "sdk/session/contract_keeper.ts",
    find: "const isAccepted = pinned === undefined &&",
    replace: "const isAccepted =",
    tests: ["tests/e2e/contract_test.ts"],
  },
  {
    name: "a queue gives up what a changed contract refuses",
    file: "sdk/queue/evaluate_readings.ts",
    find: "if (cause && session.contract !== contract) {",
    replace: "if (session.contract === null) {",
    tests: ["tests/sdk/queue/offline_queue_test.ts"],
  },
  {
    name: "a damaged contract lets any other in",
    file: "sdk/keys/contract_store.ts",
    find: "kept.model === model && isContract(kept.contract)",
    replace: "kept.model === model || kept.contract !== 0",
    tests: ["tests/e2e/contract_test.ts"],
  },
  {
    name: "requests leave when the work is done, not on the grid",
    file: "sdk/session/release_grid.ts",
    find: "if (pace === 0) return;",
    replace: "if (pace >= 0) return;",
    tests: ["tests/sdk/session/release_grid_test.ts"],
  },
  {
    name: "a contract that leaves out the range of readings",
    file: "sdk/wire/contract.ts",
    find: "[contractVersion, interfaceOf(rest), withStepVersions(rounds)]",
    replace: "[contractVersion, withStepVersions(rounds)]",
    tests: ["tests/models/protections/contract_test.ts"],
  },
  {
    name: "a contract that leaves out the rounds",
    file: "sdk/wire/contract.ts",
    find: "[contractVersion, interfaceOf(rest), withStepVersions(rounds)]",
    replace: "[contractVersion, interfaceOf(rest)]",
    tests: ["tests/models/protections/contract_test.ts"],
  },
  // Budgets and sessions.
  {
    name: "a budget that counts one value an answer",
    file: "functions/admission/budget.ts",
    find: "values += usedSlots(layout, answer);",
    replace: "values += Math.sign(usedSlots(layout, answer));",
    tests: ["tests/functions/admission/budget_test.ts"],
  },
  {
    name: "a constant session nonce",
    file: "functions/http/sessions.ts",
    find: "nonce: random(nonceBytes),",
    replace: "nonce: random(nonceBytes).fill(0),",
    tests: ["tests/functions/http/sessions_test.ts"],
  },
  ...functionsMutations,
  ...gatewayMutations,

  // Sealed inferences.
  {
    name: "sealed: one salt for all shards",
    file: "functions/rounds/sealed/seeds.ts",
    find: "`salt ${shard}/${shards}`",
    replace: '"salt"',
    tests: [sealedRules],
  },
  {
    name: "sealed: a seed without the body",
    file: "functions/rounds/sealed/seeds.ts",
    find: "  context.set(sha256(body), 32);",
    replace: "  context.set(sha256(body.subarray(0, 20)), 32);",
    tests: [sealedRules],
  },
  {
    name: "sealed: answers masked above their lowest bits",
    file: "functions/rounds/sealed/seeds.ts",
    find: "uniformBelow(modulus, source));",
    replace: "uniformBelow(modulus, source) >> 4n << 4n);",
    tests: [sealedViews],
  },
  {
    name: "sealed: plaintexts masked without surplus bits",
    file: "functions/rounds/sealed/seeds.ts",
    find: "bigIntFromBytes(source(size)), bits)",
    replace: "bigIntFromBytes(source(size)), bits - 8)",
    tests: [sealedViews],
  },
  {
    name: "sealed: lanes counted from 0 in each chunk",
    file: "sdk/garbling/rounds/run.ts",
    find: "firstLane: first };",
    replace: "firstLane: 0 };",
    tests: [sealedRules],
  },
  {
    name: "sealed: tokens of other circuits accepted",
    file: "functions/rounds/sealed/answer_activation.ts",
    find: "  checkDigest(round.digest, content.digest);",
    replace: "",
    tests: [sealedRules],
  },
  {
    name: "sealed: transfers of another account accepted",
    file: "functions/rounds/sealed/answer_activation.ts",
    find: "  checkOwner(batch, content);",
    replace: "",
    tests: [sealedRules],
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
    tests: [sealedViews],
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
    file: "sdk/sealed/session.ts",
    find: "Math.abs(now - this.#beganAt) > clockToleranceMs",
    replace: "Math.abs(now - this.#beganAt) > 1e9",
    tests: ["tests/e2e/sealed_test.ts"],
  },
];
