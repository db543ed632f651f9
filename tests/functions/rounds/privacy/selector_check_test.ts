/** What the label round tells those who send other selectors than one-hot ones. */
import { equal, ok } from "node:assert/strict";
import { checkSelectors } from "../../../../functions/rounds/privacy/selector_check.ts";
import { bytesFromBigInt } from "../../../../sdk/paillier/public/big_integer.ts";
import { PrivateKey } from "../../../../sdk/paillier/private/private_key.ts";
import { platformRandom } from "../../../../sdk/support/random.ts";
import { testKey } from "../../../vectors/keys.ts";

const key = testKey(512);
const { modulus } = key.publicKey;
const square = modulus * modulus;
const [p, q] = key.exportPrimes();
const value = 5n;

/** Plaintext of an answer that holds `value`, where the selector's elements have this sum. */
function answerTo(sum: bigint, by: PrivateKey): bigint {
  const encrypted = (m: bigint) => (1n + m * modulus) % square;
  const answer = encrypted(value);
  const [a, b] = checkSelectors(
    [answer % modulus, answer / modulus],
    [bytesFromBigInt(encrypted(sum), 128)],
    { modulus, slotBits: 8, samples: 1 },
    platformRandom,
  );
  return by.decrypt(a + b * modulus);
}

Deno.test("a selector of sum 1 is answered, one of another sum gets uniform numbers", () => {
  equal(answerTo(1n, key), value);
  for (const sum of [0n, 2n, modulus - 1n]) {
    const answers = Array.from({ length: 20 }, () => answerTo(sum, key));
    equal(new Set(answers).size, answers.length);
    // Uniform ones are this large but for one in 2^64.
    ok(answers.every((answer) => answer > modulus >> 64n));
  }
});

Deno.test("a sum that is 1 modulo a factor of N gets the answer modulo that factor: the mask above alone hides it", () => {
  for (const factor of [p, q]) {
    const answer = answerTo(1n + factor, key);
    equal(answer % factor, value);
    ok(answer > modulus >> 64n);
  }
});
