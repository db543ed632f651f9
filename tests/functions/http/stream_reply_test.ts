/** Replies that are made while they are read. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { streamReply } from "../../../functions/http/stream_reply.ts";

/** Pieces of one byte, and how many have been made and whether their maker was told to end. */
function counting(count: number) {
  const state = { made: 0, ended: false };
  const pieces = async function* () {
    try {
      while (state.made < count) {
        yield await Promise.resolve(Uint8Array.of(++state.made));
      }
    } finally {
      state.ended = true;
    }
  }();
  return { state, pieces };
}

Deno.test("no piece is made before its reader asks for it", async () => {
  const { state, pieces } = counting(5);
  const { body, ended } = streamReply(pieces, 60_000);
  const reader = body.getReader();
  await reader.read();
  await reader.read();
  equal(state.made, 2);
  const rest: number[] = [];
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    rest.push(...read.value);
  }
  deepEqual(rest, [3, 4, 5]);
  await ended;
});

Deno.test("ends when its reader goes away", async () => {
  const { state, pieces } = counting(5);
  const { body, ended } = streamReply(pieces, 60_000);
  const reader = body.getReader();
  await reader.read();
  await reader.cancel();
  await ended;
  deepEqual(state, { made: 1, ended: true });
});

Deno.test("ends when its reader takes nothing, before its first piece as after", async () => {
  for (const taken of [0, 1]) {
    const { state, pieces } = counting(5);
    const { body, ended } = streamReply(pieces, 1);
    const reader = body.getReader();
    for (let i = 0; i < taken; i++) await reader.read();
    await ended;
    await rejects(reader.read(), /took nothing/);
    equal(state.made, taken);
  }
});

Deno.test("a fault while a piece is made breaks the body off", async () => {
  const { body, ended } = streamReply(
    async function* () {
      yield await Promise.resolve(Uint8Array.of(1));
      throw new Error("no more");
    }(),
    60_000,
  );
  await rejects(new Response(body).bytes(), /no more/);
  await ended;
});
