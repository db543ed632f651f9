/**
 * A line of some rate and delay between gateway and functions: a TCP proxy in a thread of
 * its own.
 *
 * @module
 */

/** What a line is like, the same in both directions. */
export interface Line {
  /** Megabits a second, of TCP's payload. */
  mbit: number;
  /** There and back. */
  roundTripMs: number;
}

/** What the thread is told. */
export interface LineOrder extends Line {
  /** Where the functions listen on this machine. */
  port: number;
}

export interface ThrottledLine extends Disposable {
  /** Of the functions, over the line. */
  url: string;
}

/** Opens a line to `port` of this machine. */
export async function openLine(order: LineOrder): Promise<ThrottledLine> {
  const thread = new Worker(new URL("./line_worker.ts", import.meta.url), {
    type: "module",
  });
  const opened = Promise.withResolvers<number>();
  thread.onmessage = ({ data }) => opened.resolve(data);
  thread.postMessage(order);
  return {
    url: `http://127.0.0.1:${await opened.promise}`,
    [Symbol.dispose]: () => thread.terminate(),
  };
}
