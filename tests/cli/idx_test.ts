import { deepEqual, rejects } from "node:assert/strict";
import { decodeIdx } from "../../cli/readings/idx.ts";

const file = Uint8Array.of(
  0,
  0,
  8,
  2,
  0,
  0,
  0,
  2,
  0,
  0,
  0,
  3,
  1,
  2,
  3,
  4,
  5,
  6,
);

Deno.test("reads an IDX file, plain and compressed", async () => {
  const expected = { shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
  deepEqual(await decodeIdx(file), expected);
  const stream = new Blob([file]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  const compressed = new Uint8Array(await new Response(stream).arrayBuffer());
  deepEqual(await decodeIdx(compressed), expected);
});

Deno.test("refuses other files and truncated ones", async () => {
  await rejects(
    decodeIdx(file.subarray(0, 17)),
    /expected 6 elements of shape \[2,3\], got 5/,
  );
  await rejects(decodeIdx(file.subarray(0, 7)), /header of 12 bytes is cut/);
  await rejects(decodeIdx(Uint8Array.of(0, 0, 13, 1)), /magic bytes/);
  await rejects(decodeIdx(new Uint8Array()), /magic bytes/);
  await rejects(decodeIdx(Uint8Array.of(0x1f, 0x8b, 8, 0)), {
    name: "RangeError",
    message: "Cannot unpack: the gzip stream is damaged",
  });
});
