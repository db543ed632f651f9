import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { encode } from "fast-png";
import { loadPictures } from "../../examples/demo/pictures.ts";
import { readImage } from "../../examples/demo/read_image.ts";
import { digitSample } from "../../examples/digits/samples.ts";

const size = { width: 3, height: 2 };

Deno.test("grey PNGs of 8 and 16 bits", () => {
  const data = Uint8Array.of(0, 50, 100, 150, 200, 255);
  deepEqual(
    readImage(encode({ ...size, data, channels: 1, depth: 8 })),
    { ...size, pixels: data },
  );
  const wide = Uint16Array.from(data, (value) => value * 257);
  deepEqual(
    readImage(encode({ ...size, data: wide, channels: 1, depth: 16 })).pixels,
    data,
  );
});

Deno.test("coloured PNGs are weighed as the eye does; what is transparent is paper", () => {
  const one = { width: 4, height: 1, depth: 8 as const };
  const rgb = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255);
  deepEqual(
    readImage(encode({ ...one, data: rgb, channels: 3 })).pixels,
    Uint8Array.of(76, 150, 29, 255),
  );
  const rgba = Uint8Array.of(
    ...[0, 0, 0, 255],
    ...[0, 0, 0, 0],
    ...[0, 0, 0, 51],
    ...[255, 255, 255, 255],
  );
  deepEqual(
    readImage(encode({ ...one, data: rgba, channels: 4 })).pixels,
    Uint8Array.of(0, 255, 204, 255),
  );
});

Deno.test("PNGs of one bit, rows ending inside a byte", () => {
  const png = encode({
    width: 3,
    height: 2,
    data: Uint8Array.of(0b10100000, 0b01000000),
    channels: 1,
    depth: 1,
  });
  deepEqual(readImage(png).pixels, Uint8Array.of(255, 0, 255, 0, 255, 0));
});

/** A .npy file, version 1.0, as numpy writes it. */
function npy(descr: string, shape: string, data: ArrayBufferView): Uint8Array {
  const header =
    `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  const padded = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) +
    "\n";
  return Uint8Array.of(
    ...[0x93, ...new TextEncoder().encode("NUMPY"), 1, 0],
    ...[padded.length & 255, padded.length >> 8],
    ...new TextEncoder().encode(padded),
    ...new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
}

Deno.test(".npy files of bytes and floats, with axes of length 1", () => {
  const expected = {
    width: 3,
    height: 2,
    pixels: Uint8Array.of(0, 51, 102, 153, 204, 255),
  };
  deepEqual(readImage(npy("|u1", "(2, 3)", expected.pixels)), expected);
  const floats = Float32Array.of(0, 0.2, 0.4, 0.6, 0.8, 1);
  deepEqual(readImage(npy("<f4", "(1, 1, 2, 3)", floats)), expected);
});

Deno.test("refuses what is no picture", () => {
  throws(() => readImage(new Uint8Array()), RangeError);
  throws(() => readImage(new TextEncoder().encode("GIF89a")), RangeError);
  const rgb = npy("|u1", "(2, 2, 3)", new Uint8Array(12));
  throws(() => readImage(rgb), /two dimensions, got \[2,2,3\]/);
  const spoiled = npy("<f4", "(1, 2)", Float32Array.of(1, NaN));
  throws(() => readImage(spoiled), RangeError);
});

Deno.test("takes our own pictures one after another, from the last on to the first", async () => {
  const pictures = await loadPictures({ kind: "own", index: 59 }, 2);
  deepEqual(pictures.map(({ expected }) => expected), [9, 0]);
  deepEqual(pictures[1].pixels, digitSample(0).picture);
});

/** Writes MNIST files of `count` pictures, each filled with its index. */
async function writeMnist(folder: string, count: number): Promise<void> {
  const header = (...sizes: number[]) => [
    ...[0, 0, 8, sizes.length],
    ...sizes.flatMap((length) => [0, 0, length >> 8, length & 255]),
  ];
  const images = Uint8Array.of(
    ...header(count, 28, 28),
    ...Array.from({ length: count * 784 }, (_, i) => Math.floor(i / 784)),
  );
  const gzipped = new Blob([images]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  await Deno.writeFile(`${folder}/t10k-images-idx3-ubyte.gz`, gzipped);
  await Deno.writeFile(
    `${folder}/t10k-labels-idx1-ubyte`,
    Uint8Array.of(...header(count), ...Array(count).keys()),
  );
}

Deno.test("MNIST files, gz or not; indices beyond them are refused", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await writeMnist(folder, 5);
    const pictures = await loadPictures({ kind: "mnist", folder, index: 2 }, 2);
    deepEqual(pictures.map(({ expected }) => expected), [2, 3]);
    deepEqual(pictures[1].pixels, new Uint8Array(784).fill(3));
    for (const [index, count] of [[5, 1], [3, 3]]) {
      await rejects(
        loadPictures({ kind: "mnist", folder, index }, count),
        { exitCode: 2, message: /--index/ },
      );
    }
    await Deno.writeFile(`${folder}/t10k-labels-idx1-ubyte`, Uint8Array.of(1));
    await rejects(
      loadPictures({ kind: "mnist", folder, index: 0 }, 1),
      { exitCode: 2, message: /Cannot read IDX/ },
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a picture file fills all samples", async () => {
  const file = await Deno.makeTempFile({ suffix: ".png" });
  try {
    const data = Uint8Array.from(
      { length: 400 },
      (_, i) => i % 20 > 7 && i % 20 < 12 ? 0 : 255,
    );
    await Deno.writeFile(
      file,
      encode({ width: 20, height: 20, data, channels: 1, depth: 8 }),
    );
    const pictures = await loadPictures({ kind: "image", file }, 3);
    equal(pictures.length, 3);
    equal(pictures[2].expected, null);
    equal(pictures[0].pixels[14 * 28 + 14], 255);
  } finally {
    await Deno.remove(file);
  }
});
