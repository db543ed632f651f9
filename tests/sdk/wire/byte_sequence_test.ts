/** Long replies: what is written is read, however it is cut, and nothing else. */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { decodeFirst } from "cborg";
import fc from "fast-check";
import { concat } from "../../../sdk/support/bytes.ts";
import {
  maxItemBytes,
  sequenceBytes,
  SequenceReader,
  writeSequence,
} from "../../../sdk/wire/byte_sequence.ts";

async function written(items: Iterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of writeSequence(items)) pieces.push(piece);
  return concat(...pieces);
}

/** What a reader takes of bytes that come in pieces of a size. */
async function read(bytes: Uint8Array, pieceBytes: number, maxItems = 9) {
  const items: Uint8Array[] = [];
  const reader = new SequenceReader(
    (item) => void items.push(item),
    maxItems,
  );
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    await reader.push(bytes.subarray(at, at + pieceBytes));
  }
  await reader.finish();
  return items;
}

const item = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  // As long as a digest, and on either side of each form of a length.
  fc.constantFrom(32, 23, 24, 255, 256).map((n) => new Uint8Array(n).fill(n)),
);

Deno.test("reads back items that arrive in pieces of any size", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(item, { maxLength: 6 }).map((list) =>
        list.filter(({ length }) => length > 0)
      ),
      fc.integer({ min: 1, max: 400 }),
      async (items, pieceBytes) => {
        const bytes = await written(items);
        deepEqual(await read(bytes, pieceBytes), items);
        const sum = items.reduce((length, item) => length + item.length, 0);
        ok(bytes.length <= sequenceBytes(items.length, sum));
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("cuts a long item and writes deterministic CBOR", async () => {
  const long = new Uint8Array(maxItemBytes + 70_000).map((_, i) => i * 7);
  let rest = await written([long]);
  const lengths: number[] = [];
  deepEqual(concat(...await read(rest, 65_536)), long);
  while (rest.length > 0) {
    const [value, remainder] = decodeFirst(rest, { strict: true });
    lengths.push(value.length);
    rest = remainder;
  }
  deepEqual(lengths, [maxItemBytes, 70_000, 32]);
});

Deno.test("detects a changed bit, end or order", async () => {
  const items = [1, 2, 3].map((n) => new Uint8Array(40).fill(n));
  const bytes = await written(items);
  for (const at of [3, 50, 90, bytes.length - 1]) {
    await rejects(read(bytes.with(at, bytes[at] ^ 4), 100), /broke on the way/);
  }
  for (const end of [0, 1, 42, bytes.length - 34, bytes.length - 1]) {
    await rejects(read(bytes.subarray(0, end), 100), /broke on the way/);
  }
  const [first, second, ...others] = [0, 42, 84, 126].map((at) =>
    bytes.subarray(at, at + 42)
  );
  await rejects(read(concat(second, first, ...others), 100), /broke/);
  await rejects(read(concat(bytes, Uint8Array.of(0x41, 1)), 100), /broke/);
});

Deno.test("refuses at its first bytes an item that is no byte string, or too long", async () => {
  for (
    const start of [[0x40], [0x58, 0], [0x81], [0x5f], [0x5b, 0, 0], [0x00], [
      0xff,
    ], [
      0x5a,
      0,
      8,
      0,
      1,
    ]]
  ) {
    const reader = new SequenceReader(() => {}, 9);
    await rejects(reader.push(Uint8Array.from(start)), /broke on the way/);
  }
});

Deno.test("refuses one item too many at its first byte", async () => {
  const items = Array.from({ length: 4 }, (_, i) => Uint8Array.of(i));
  const bytes = await written(items);
  deepEqual(await read(bytes, bytes.length, items.length), items);
  let taken = 0;
  const reader = new SequenceReader(() => void taken++, 3);
  await rejects(reader.push(bytes), /broke on the way/);
  // A fourth may be the digest; what follows it is one too many.
  equal(taken, 4);
  await rejects(
    reader.push(new Uint8Array(2 ** 16).fill(0x41)),
    /broke on the way/,
  );
  equal(taken, 4);
});

Deno.test("copies received bytes once, however small the items and pieces", async () => {
  const { set } = Uint8Array.prototype;
  const bytes = await written(
    Array.from({ length: 2000 }, () => new Uint8Array(3)),
  );
  let copied = 0;
  Uint8Array.prototype.set = function (from: ArrayLike<number>, at?: number) {
    copied += from.length;
    set.call(this, from, at);
  };
  try {
    const reader = new SequenceReader(() => {}, 2000);
    await reader.push(bytes);
  } finally {
    Uint8Array.prototype.set = set;
  }
  ok(copied > 0 && copied <= bytes.length, `${copied} of ${bytes.length}`);
});

Deno.test("makes items when they are asked for", async () => {
  let made = 0;
  const sequence = writeSequence(function* () {
    for (; made < 9;) yield Uint8Array.of(++made);
  }());
  await sequence.next();
  await sequence.next();
  equal(made, 2);
  await sequence.return();
});
