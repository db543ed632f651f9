/**
 * Bytes joined, compared, and read from streams that say anything of their length.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, equal, readLimited } from "../../../sdk/support/bytes.ts";

const chunk = fc.uint8Array({ maxLength: 40_000 });

Deno.test("concat and readLimited give the bytes of all parts in order, whatever length is stated", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(chunk, { maxLength: 6 }),
      fc.nat(100_000),
      async (parts, statedBytes) => {
        const expected = new Uint8Array(parts.flatMap((part) => [...part]));
        assert.deepEqual(concat(...parts), expected);
        const stream = ReadableStream.from(parts);
        const maxBytes = expected.length;
        assert.deepEqual(
          await readLimited(stream, { maxBytes, statedBytes }),
          expected,
        );
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("equal detects a changed byte and a changed length", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  assert(equal(bytes, bytes.slice()));
  assert(!equal(bytes, Uint8Array.of(1, 2, 4)));
  assert(!equal(bytes, bytes.subarray(0, 2)));
  assert(!equal(bytes.subarray(0, 2), bytes));
});

Deno.test("readLimited gives null and closes the stream at the first byte too many", async () => {
  let pulled = 0, cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled++;
      controller.enqueue(new Uint8Array(10));
    },
    cancel() {
      cancelled = true;
    },
  }, { highWaterMark: 0 });
  assert.equal(await readLimited(stream, { maxBytes: 25 }), null);
  assert.deepEqual({ pulled, cancelled }, { pulled: 3, cancelled: true });
});

Deno.test("readLimited takes no more memory than stated, and no more than the limit", async () => {
  let told = 0;
  const body = await readLimited(
    ReadableStream.from([new Uint8Array(70_000), new Uint8Array(20_000)]),
    {
      maxBytes: 100_000,
      statedBytes: 1e9,
      onMemory(bytes) {
        told += bytes;
      },
    },
  );
  assert.equal(body?.length, 90_000);
  assert.equal(told, body.buffer.byteLength);
  assert(told <= 100_000, `${told}`);
});

Deno.test("readLimited rejects with the signal's reason while nothing arrives", async () => {
  const stop = new AbortController();
  const silent = new ReadableStream<Uint8Array>();
  const read = readLimited(silent, { maxBytes: 1, signal: stop.signal });
  stop.abort(new Error("enough"));
  await assert.rejects(read, /enough/);
});
