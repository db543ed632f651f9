/**
 * Runtime: Deno.
 *
 * @module
 */
const firstBufferBytes = 2 * 1024;
const maxBufferBytes = 64 * 1024;
/** So long nobody may take what is written for him. */
const stallMs = 60_000;
/** Sent without a call, it is closed: twice the largest body, since bodies come before their calls. */
const maxUnaskedBytes = 64 * 2 ** 20;
/** How HTTP/2 begins. */
const preface = new TextEncoder().encode("PRI * HTTP/2.0");

/** A client's connection, and the one that carries its bytes to the server. */
export class Carried {
  /** Whose it is. */
  readonly from: Deno.NetAddr;
  /** When both ends are through. Never rejects. */
  readonly closed: Promise<void>;
  readonly #client: Deno.TcpConn;
  readonly #server: Deno.TcpConn;
  #calls = 0;
  /** What the client has sent without a call. */
  #unaskedBytes = 0;
  /** Bytes with which it began as HTTP/2 does; -1: it is not HTTP/2 in the clear. */
  #prefaceBytes = 0;
  #isRefused = false;
  #freeSinceMs = performance.now();
  #writingSinceMs: number | null = null;

  constructor(client: Deno.TcpConn, server: Deno.TcpConn) {
    this.#client = client;
    this.#server = server;
    this.from = client.remoteAddr as Deno.NetAddr;
    client.setNoDelay(true);
    server.setNoDelay(true);
    this.closed = this.#carry();
  }

  /** Calls that have come over it and are not answered. */
  get calls(): number {
    return this.#calls;
  }

  /** A call has come over it. */
  begin(): void {
    this.#calls++;
    this.#unaskedBytes = 0;
  }

  /** A call has been answered. */
  end(): void {
    this.#calls--;
    this.#unaskedBytes = 0;
    this.#freeSinceMs = performance.now();
  }

  /** No more of what the client sends is taken; it is closed once the answer has left. */
  refuse(): void {
    this.#isRefused = true;
  }

  /**
   * Whether it has had no call for so long, however many bytes have come meanwhile, or
   * has been refused and answered, or nobody takes its answer.
   */
  isIdle(idleMs: number): boolean {
    const now = performance.now();
    if (this.#writingSinceMs !== null && now - this.#writingSinceMs > stallMs) {
      return true;
    }
    const patienceMs = this.#isRefused ? 0 : idleMs;
    return this.#calls === 0 && now - this.#freeSinceMs >= patienceMs;
  }

  async #carry(): Promise<void> {
    await Promise.all([
      this.#pump(this.#client, this.#server),
      this.#pump(this.#server, this.#client, true),
    ]);
    this.close();
  }

  close(): void {
    for (const connection of [this.#client, this.#server]) {
      try {
        connection.close();
      } catch {
        // It is closed.
      }
    }
  }

  /**
   * Whether bytes of a client's are more than are taken: what goes on and on without a
   * call, and HTTP/2 in the clear. There a client opens hundreds of calls on a connection,
   * takes none of the answers and has the server keep them; no program needs it.
   */
  #isTooMuch(bytes: Uint8Array): boolean {
    for (let i = 0; i < bytes.length && this.#prefaceBytes >= 0; i++) {
      const agrees = bytes[i] === preface[this.#prefaceBytes];
      this.#prefaceBytes = agrees ? this.#prefaceBytes + 1 : -1;
      if (this.#prefaceBytes === preface.length) return true;
    }
    if (this.#calls > 0) return false;
    this.#unaskedBytes += bytes.length;
    return this.#unaskedBytes > maxUnaskedBytes;
  }

  async #pump(
    from: Deno.TcpConn,
    to: Deno.TcpConn,
    isAnswer = false,
  ): Promise<void> {
    let buffer = new Uint8Array(firstBufferBytes);
    try {
      for (;;) {
        const length = await from.read(buffer);
        if (length === null) break;
        if (!isAnswer) {
          if (this.#isRefused) return;
          if (this.#isTooMuch(buffer.subarray(0, length))) return this.close();
        }
        if (isAnswer) this.#writingSinceMs = performance.now();
        for (let at = 0; at < length;) {
          at += await to.write(buffer.subarray(at, length));
        }
        if (isAnswer) this.#writingSinceMs = null;
        if (length === buffer.length && length < maxBufferBytes) {
          buffer = new Uint8Array(2 * length);
        }
      }
      // The client waits for no more once the server has ended; not the other way.
      if (isAnswer) this.close();
      else await to.closeWrite();
    } catch {
      this.close();
    }
  }
}
