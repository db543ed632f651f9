import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { decodeNpy, encodeNpy } from "../../cli/readings/npy.ts";

/** A .npy file as NumPy writes it. */
function npy(
  descr: string,
  shape: string,
  data: number[],
  { fortran = "False", version = 1 } = {},
): Uint8Array {
  const header =
    `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (${shape}), }\n`;
  const length = version === 1 ? [header.length, 0] : [header.length, 0, 0, 0];
  return Uint8Array.from([
    0x93,
    ...new TextEncoder().encode("NUMPY"),
    version,
    0,
    ...length,
    ...new TextEncoder().encode(header),
    ...data,
  ]);
}

Deno.test("reads arrays of every type and byte order", () => {
  deepEqual(decodeNpy(npy("<f4", "2, 1", [0, 0, 128, 63, 0, 0, 0, 192])), {
    shape: [2, 1],
    data: Float64Array.of(1, -2),
  });
  deepEqual([...decodeNpy(npy(">f4", "1,", [63, 128, 0, 0])).data], [1]);
  deepEqual([...decodeNpy(npy("<f2", "2,", [0, 60, 0, 193])).data], [1, -2.5]);
  deepEqual([...decodeNpy(npy(">f2", "1,", [0, 1])).data], [2 ** -24]);
  deepEqual([...decodeNpy(npy("<f8", "", [0, 0, 0, 0, 0, 0, 4, 64])).data], [
    2.5,
  ]);
  deepEqual([...decodeNpy(npy("|u1", "3,", [0, 7, 255])).data], [0, 7, 255]);
  deepEqual([...decodeNpy(npy("|b1", "2,", [0, 1])).data], [0, 1]);
  deepEqual([...decodeNpy(npy("|i1", "1,", [255])).data], [-1]);
  deepEqual([...decodeNpy(npy("<i2", "1,", [254, 255])).data], [-2]);
  deepEqual([...decodeNpy(npy(">i4", "1,", [0, 0, 1, 0])).data], [256]);
  const minusOne = Array(8).fill(255);
  deepEqual([...decodeNpy(npy("<i8", "1,", minusOne)).data], [-1]);
  const second = npy("|u1", "1,", [9], { version: 2 });
  deepEqual([...decodeNpy(second).data], [9]);
});

Deno.test("refuses a file that is no plain array of numbers", () => {
  throws(
    () => decodeNpy(npy("<f4", "2, 1", [], { fortran: "True" })),
    /Fortran order/,
  );
  throws(() => decodeNpy(npy("<c8", "1,", [])), /type "<c8"; save x.astype/);
  throws(() => decodeNpy(npy("<U3", "1,", [])), /type "<U3"/);
  throws(() => decodeNpy(npy("<toString", "1,", [])), /type "<toString"/);
  throws(
    () => decodeNpy(npy("<f4", "2,", [0, 0, 0, 0])),
    /expected 8 bytes of data for shape \[2\], got 4/,
  );
  throws(() => decodeNpy(new Uint8Array(20)), /magic/);
  throws(
    () => decodeNpy(npy("<f4", "2,", []).subarray(0, 30)),
    /header is cut/,
  );
});

Deno.test("reads back what it writes, at an aligned offset", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
      fc.double({ noNaN: true }),
      (shape, value) => {
        const size = shape.reduce((a, b) => a * b, 1);
        const data = Float64Array.from({ length: size }, (_, i) => value + i);
        const bytes = encodeNpy({ shape, data });
        equal((bytes.length - 8 * size) % 64, 0);
        deepEqual(decodeNpy(bytes), { shape, data });
      },
    ),
  );
});
