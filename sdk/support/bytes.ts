/**
 * Bytes compared, joined and read from a stream without trust in its length.
 *
 * @module
 */

/**
 * Whether two arrays hold the same bytes. Not constant-time: for bytes alone that
 * are no secret of the side that compares them.
 */
export function equal(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length &&
    left.every((byte, i) => byte === right[i]);
}

/** The parts one after another. */
export function concat(
  ...parts: readonly Uint8Array[]
): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(
    parts.reduce((length, part) => length + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** How a stream is read. */
export interface ReadOptions {
  maxBytes: number;
  /** Length that the sender states, a hint; 0: none. @default {0} */
  statedBytes?: number;
  /** Ends the reading with its reason. */
  signal?: AbortSignal;
  /** Told of memory in bytes before it is taken; what it throws ends the reading. */
  onMemory?: (bytes: number) => void;
  /** Told of all bytes and chunks so far, this one included; what it throws ends the reading. */
  onChunk?: (bytes: number, chunks: number) => void;
}

/** Room for a stream of unstated length, and beyond which a stated one is not believed. */
const firstBytes = 2 ** 14;
const believedBytes = 2 ** 20;

/**
 * Reads a stream into one buffer that grows: chunks are copied and let go, since
 * each may hold memory many times its length. However it ends, the stream is closed.
 *
 * @returns the bytes, or null where there are more than `maxBytes`
 * @throws whatever the stream, the signal or a callback throws
 */
export async function readLimited(
  stream: ReadableStream<Uint8Array> | null,
  { maxBytes, statedBytes = 0, signal, onMemory, onChunk }: ReadOptions,
): Promise<Uint8Array<ArrayBuffer> | null> {
  let buffer = new Uint8Array();
  if (stream === null) return buffer;
  let length = 0;
  const grow = (needed: number) => {
    const first = statedBytes > 0
      ? Math.min(statedBytes, believedBytes)
      : firstBytes;
    const stated = statedBytes >= needed ? statedBytes : Infinity;
    const room = Math.min(maxBytes, stated, Math.max(first, 2 * needed));
    onMemory?.(room - buffer.length);
    const larger = new Uint8Array(room);
    larger.set(buffer.subarray(0, length));
    buffer = larger;
  };
  const reader = stream.getReader();
  const cancel = () => reader.cancel().catch(() => {});
  signal?.addEventListener("abort", cancel);
  try {
    for (let chunks = 1;; chunks++) {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) return buffer.subarray(0, length);
      const end = length + value.length;
      if (end > maxBytes) return null;
      onChunk?.(end, chunks);
      if (end > buffer.length) grow(end);
      buffer.set(value, length);
      length = end;
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    await cancel();
  }
}
