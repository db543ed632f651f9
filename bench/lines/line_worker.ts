/**
 * The thread of a throttled line: what goes one way waits until the line is free, takes
 * its time, and arrives half a round trip later.
 *
 * @module
 */
import type { Line, LineOrder } from "./throttled_line.ts";

const thread = self as unknown as {
  onmessage: (event: MessageEvent<LineOrder>) => void;
  postMessage: (port: number) => void;
};

/** Bytes that are sent at once: 1.3 ms at 100 Mbit/s. */
const pieceBytes = 16_384;

const until = (timeMs: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, Math.max(0, timeMs - performance.now()));
  });

/** One direction of the line, shared by all connections. */
class Lane {
  readonly #bytesPerMs: number;
  readonly #delayMs: number;
  #freeMs = 0;

  constructor({ mbit, roundTripMs }: Line) {
    this.#bytesPerMs = 125 * mbit;
    this.#delayMs = roundTripMs / 2;
  }

  /** Sends bytes. @returns when the last of them has left, and when it arrives */
  send(bytes: number): { leftMs: number; arrivesMs: number } {
    const startMs = Math.max(performance.now(), this.#freeMs);
    this.#freeMs = startMs + bytes / this.#bytesPerMs;
    return {
      leftMs: this.#freeMs,
      arrivesMs: this.#freeMs + this.#delayMs,
    };
  }
}

/** Carries what comes in at `from` until its end; no faster than the lane. */
async function carry(from: Deno.Conn, to: Deno.Conn, lane: Lane) {
  let delivered: Promise<unknown> = Promise.resolve();
  try {
    for (;;) {
      const buffer = new Uint8Array(pieceBytes);
      const count = await from.read(buffer);
      if (count === null) break;
      const { leftMs, arrivesMs } = lane.send(count);
      const piece = buffer.subarray(0, count), before = delivered;
      delivered = until(arrivesMs).then(() => before)
        .then(() => writeAll(to, piece));
      delivered.catch(() => {});
      await until(leftMs);
    }
    await delivered;
    await to.closeWrite();
  } catch {
    // One end has gone: so does the other.
    for (const end of [from, to]) {
      try {
        end.close();
      } catch { /* It has gone already. */ }
    }
  }
}

async function writeAll(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

thread.onmessage = async ({ data: { port, ...line } }) => {
  const up = new Lane(line), down = new Lane(line);
  const hostname = "127.0.0.1";
  const listener = Deno.listen({ hostname, port: 0 });
  thread.postMessage(listener.addr.port);
  for await (const near of listener) {
    near.setNoDelay();
    const far = await Deno.connect({ hostname, port });
    far.setNoDelay();
    void carry(near, far, up);
    void carry(far, near, down);
  }
};
