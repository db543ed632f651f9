/** A sanity check, not a proof: semantic security rests on the assumption in SECURITY.md. */
import assert from "node:assert/strict";
import { areaUnderCurve } from "../../../../attack/measure/scoring.ts";
import { bytesFromBigInt } from "../../../../sdk/paillier/public/big_integer.ts";
import { testKey } from "../../../vectors/keys.ts";

const pairs = 400;

/** Reproducible bytes, so that the outcome is the same in every run. */
function seededBytes(seed: number): (length: number) => Uint8Array {
  let state = seed;
  return (length) =>
    Uint8Array.from({ length }, () => {
      state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0;
      return (state ^ (state >>> 13)) >>> 11 & 255;
    });
}

const statistics: Record<string, (a: Uint8Array, b: Uint8Array) => number> = {
  "bits that differ": (a, b) =>
    a.reduce(
      (sum, byte, i) =>
        sum + (byte ^ b[i]).toString(2).replaceAll("0", "").length,
      0,
    ),
  "bytes that agree": (a, b) => a.filter((byte, i) => byte === b[i]).length,
  "distance modulo 256": (a, b) => (a.at(-1)! - b.at(-1)!) & 255,
  "correlation of bytes": (a, b) =>
    a.reduce((sum, byte, i) => sum + (byte - 127.5) * (b[i] - 127.5), 0),
};

Deno.test("ciphertexts of equal and of different readings look alike to simple statistics", () => {
  const key = testKey(512).publicKey;
  const random = seededBytes(7);
  const encrypt = (value: bigint) =>
    bytesFromBigInt(key.encrypt(value, random), key.ciphertextBytes);
  const equal = Array.from(
    { length: pairs },
    () => [encrypt(0n), encrypt(0n)],
  );
  const different = Array.from(
    { length: pairs },
    (_, i) => [encrypt(0n), encrypt(1n << BigInt(i))],
  );
  // Five standard deviations of the area under chance.
  const bound = 5 * Math.sqrt((2 * pairs + 1) / (12 * pairs * pairs));
  for (const [name, statistic] of Object.entries(statistics)) {
    const area = areaUnderCurve(
      equal.map(([a, b]) => statistic(a, b)),
      different.map(([a, b]) => statistic(a, b)),
    );
    assert.ok(Math.abs(area - 0.5) < bound, `${name}: ${area}`);
  }
});

Deno.test("the same statistics tell ciphertexts apart where randomness is used twice", () => {
  const key = testKey(512).publicKey;
  const encrypt = (value: bigint, seed: number) =>
    bytesFromBigInt(
      key.encrypt(value, seededBytes(seed)),
      key.ciphertextBytes,
    );
  const agreeing = statistics["bytes that agree"];
  const equal = Array.from(
    { length: 20 },
    (_, i) => agreeing(encrypt(0n, i), encrypt(0n, i)),
  );
  const different = Array.from(
    { length: 20 },
    (_, i) => agreeing(encrypt(0n, i), encrypt(1n, i)),
  );
  assert.equal(areaUnderCurve(equal, different), 1);
});
