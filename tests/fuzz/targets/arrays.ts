/** Files of readings: NumPy's arrays and MNIST's. */
import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import { decodeIdx } from "../../../cli/readings/idx.ts";
import { decodeNpy, encodeNpy } from "../../../cli/readings/npy.ts";
import { damagedBytes } from "../bytes.ts";
import { readCorpus } from "../corpus.ts";
import { type FuzzTarget, range, taken, takenLater } from "../target.ts";

const number = fc.oneof(
  fc.constantFrom("0", "1", "2", "4294967296", "9".repeat(400), "-1", "1L"),
  fc.nat(9).map(String),
);

/** Files whose header says anything. */
const npyFiles = fc.record({
  version: fc.constantFrom(0, 1, 2, 3, 255),
  descr: fc.oneof(
    fc.constantFrom("<f8", ">i2", "|u1", "<i8", "<U4", "|O", "<c16", ""),
    fc.constantFrom("<constructor", "<__proto__", "<toString"),
    fc.string({ maxLength: 5 }),
  ),
  order: fc.constantFrom("True", "False", "0"),
  shape: fc.array(number, { maxLength: 5 }),
  stated: fc.oneof(fc.constant(null), fc.nat(2 ** 32 - 1)),
  data: fc.uint8Array({ maxLength: 64 }),
}).map(({ version, descr, order, shape, stated, data }) => {
  const header = new TextEncoder().encode(
    `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }\n`,
  );
  const wide = version >= 2;
  const file = new Uint8Array((wide ? 12 : 10) + header.length + data.length);
  file.set([0x93, ...new TextEncoder().encode("NUMPY"), version]);
  const view = new DataView(file.buffer);
  if (wide) view.setUint32(8, stated ?? header.length, true);
  else view.setUint16(8, stated ?? header.length, true);
  file.set(header, wide ? 12 : 10);
  file.set(data, (wide ? 12 : 10) + header.length);
  return file;
});

export function npy(): FuzzTarget<Uint8Array> {
  return {
    inputs: fc.oneof(damagedBytes(readCorpus("npy")), npyFiles),
    check(bytes) {
      const array = taken(range, () => decodeNpy(bytes));
      if (array === null) return;
      deepStrictEqual(decodeNpy(encodeNpy(array)), array);
    },
    quickCases: 1500,
  };
}

/** Headers of any rank and size, with too few or too many elements behind them. */
const idxFiles = fc.record({
  type: fc.constantFrom(8, 8, 8, 9, 13, 0),
  shape: fc.array(
    fc.oneof(fc.nat(4), fc.constantFrom(2 ** 31, 2 ** 32 - 1)),
    { maxLength: 4 },
  ),
  rank: fc.oneof(fc.constant(null), fc.nat(255)),
  data: fc.uint8Array({ maxLength: 64 }),
}).map(({ type, shape, rank, data }) =>
  Uint8Array.of(
    ...[0, 0, type, rank ?? shape.length],
    ...shape.flatMap((length) => [24, 16, 8, 0].map((bits) => length >>> bits)),
    ...data,
  )
);

export function idx(): FuzzTarget<Uint8Array> {
  return {
    inputs: fc.oneof(damagedBytes(readCorpus("idx")), idxFiles),
    async check(bytes) {
      const array = await takenLater(range, () => decodeIdx(bytes));
      if (array === null) return;
      const size = array.shape.reduce((product, length) => product * length, 1);
      deepStrictEqual(array.data.length, size);
    },
    quickCases: 1000,
  };
}
