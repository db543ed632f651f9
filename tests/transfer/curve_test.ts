/**
 * Points of base transfers in WebAssembly: equal to those of @noble/curves, and the
 * vectors of RFC 9496.
 *
 * @module
 */
import { deepEqual, equal, throws } from "node:assert/strict";
import { ristretto255 } from "@noble/curves/ed25519.js";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import fc from "fast-check";
import { concat } from "../../sdk/support/bytes.ts";
import { makeCurve } from "../../sdk/transfer/curve/make_curve.ts";
import { NobleCurve } from "../../sdk/transfer/curve/curve_noble.ts";
import { WasmCurve } from "../../sdk/transfer/curve/curve_wasm.ts";
import { digitsOf } from "../../sdk/transfer/curve/digits.ts";
import {
  type CurveExports,
  curveModule,
  freeAt,
} from "../../sdk/transfer/wasm/curve.ts";
import { fieldBytes } from "../../sdk/transfer/wasm/field.ts";

const curve = makeCurve(), noble = new NobleCurve();
const { Point } = ristretto255, order = Point.Fn.ORDER;
const half = (order + 1n) / 2n;

const scalars = fc.oneof(
  fc.bigInt(1n, order - 1n),
  fc.constantFrom(1n, 2n, 8n, 15n, 16n, order - 1n, order - 2n, half),
);
const uniform = fc.uint8Array({ minLength: 64, maxLength: 64 });

Deno.test("this machine computes points in WebAssembly", () => {
  equal(curve instanceof WasmCurve, true);
});

Deno.test("RFC 9496: the generator's multiples are encoded and decoded", () => {
  const multiples = [
    "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
    "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919",
    "94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259",
    "da80862773358b466ffadfe0b3293ab3d9fd53c5ea6c955358f568322daf6a57",
    "e882b131016b52c1d3337080187cf768423efccbb517bb495ab812c4160ff44e",
  ];
  const halves = multiples.map((_, i) => BigInt(i + 1) * half % order);
  const encoded = curve.encodeDoubles(curve.multiplyOne(curve.base, halves));
  equal(bytesToHex(encoded), multiples.join(""));
  const decoded = curve.decode(encoded);
  const again = curve.encodeDoubles(curve.multiplyAll(decoded, half));
  equal(bytesToHex(again), multiples.join(""));
});

Deno.test("RFC 9496: bytes that encode no point are refused", () => {
  const bad = [
    // Not canonical.
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    // Negative.
    "0100000000000000000000000000000000000000000000000000000000000000",
    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
    // No square, negative xy, y = 0.
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ];
  for (const each of bad) {
    throws(() => curve.decode(hexToBytes(each)), { code: "malformed" }, each);
    throws(() => noble.decode(hexToBytes(each)), { code: "malformed" }, each);
  }
});

Deno.test("bytes are points for both curves or for neither", () => {
  const decodes = (which: typeof curve, bytes: Uint8Array) => {
    try {
      return which.decode(bytes).count === 1;
    } catch {
      return false;
    }
  };
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const counts = { points: 0, others: 0 };
  fc.assert(
    fc.property(bytes, fc.boolean(), (bytes, isLikely) => {
      // One in eight of the even ones below p is a point.
      if (isLikely) bytes[0] &= ~1, bytes[31] &= 127;
      const isPoint = decodes(noble, bytes);
      counts[isPoint ? "points" : "others"]++;
      equal(decodes(curve, bytes), isPoint);
    }),
    { numRuns: 150 },
  );
  equal(counts.others > 0, true);
});

Deno.test("every operation gives the points of the other curve", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(uniform, uniform, scalars), {
        minLength: 1,
        maxLength: 4,
      }),
      scalars,
      (each, scalar) => {
        const run = (which: typeof curve) => {
          const a = which.derive(concat(...each.map(([a]) => a)));
          const b = which.derive(concat(...each.map(([, b]) => b)));
          const one = which.derive(each[0][0]);
          const results = [
            a,
            which.double(a),
            which.add(a, b),
            which.subtract(a, b),
            which.multiplyAll(a, scalar),
            which.multiplyOne(which.base, each.map(([, , k]) => k)),
            which.multiplyOne(one, each.map(([, , k]) => k)),
            which.decode(which.encodeDoubles(b)),
          ];
          return results.map((points) => which.encodeDoubles(points));
        };
        deepEqual(run(curve), run(noble));
      },
    ),
    { numRuns: 12 },
  );
});

Deno.test("the neutral element is encoded as zeros beside others", () => {
  const three = curve.multiplyOne(curve.base, [1n, order - 1n, 5n]);
  const neutral = curve.add(
    three,
    curve.multiplyOne(curve.base, [
      order - 1n,
      1n,
      2n,
    ]),
  );
  const bytes = curve.encodeDoubles(neutral);
  deepEqual(bytes.subarray(0, 64), new Uint8Array(64));
  deepEqual(bytes.subarray(64), Point.BASE.multiply(14n).toBytes());
  // It is a point, and what is added to it stays.
  const zeros = curve.decode(new Uint8Array(32));
  deepEqual(
    curve.encodeDoubles(curve.add(zeros, curve.base)),
    Point.BASE.double().toBytes(),
  );
});

Deno.test("products are right at the bounds of their operands", () => {
  const exports = new WebAssembly.Instance(
    new WebAssembly.Module(curveModule()),
  ).exports as unknown as CurveExports;
  const words = new Int32Array(exports.memory.buffer);
  const p = 2n ** 255n - 19n;
  const [a, b, out] = [0, 1, 2].map((i) => freeAt + fieldBytes * i);
  const value = (at: number) =>
    words.subarray(at / 4, at / 4 + 10).reduce(
      (sum, limb, i) => sum + (BigInt(limb) << BigInt(Math.ceil(25.5 * i))),
      0n,
    );
  // Sums of four: 4.4 times 2^25 and 2^24.
  const limb = (i: number) =>
    fc.constantFrom(-1, 1).chain((sign) =>
      fc.constantFrom(0, 1, 4.4 * 2 ** (i % 2 ? 24 : 25)).map((size) =>
        Math.floor(sign * size)
      )
    );
  const number = fc.tuple(...Array.from({ length: 10 }, (_, i) => limb(i)));
  fc.assert(fc.property(number, number, (left, right) => {
    words.set(left, a / 4);
    words.set(right, b / 4);
    exports.multiply(out, a, b);
    equal((value(out) - value(a) * value(b)) % p, 0n);
    exports.square(out, a);
    equal((value(out) - value(a) ** 2n) % p, 0n);
    for (let i = 0; i < 10; i++) {
      const bound = 1.1 * 2 ** (i % 2 ? 24 : 25);
      equal(Math.abs(words[out / 4 + i]) <= bound, true);
    }
  }));
});

Deno.test("digits are small and add up to the scalar", () => {
  fc.assert(fc.property(scalars, (scalar) => {
    const digits = digitsOf(scalar);
    equal(digits.every((digit) => digit >= -8 && digit <= 8), true);
    const sum = digits.reduceRight((sum, d) => 16n * sum + BigInt(d), 0n);
    equal(sum, scalar);
  }));
});
