/**
 * One port in front of several processes: connections are passed on byte for byte.
 *
 * @module
 */
import { connect, createServer, type Socket } from "node:net";
import type {
  ConnectionFault,
  ConnectionFaultKind,
  Direction,
  FaultSource,
} from "./connection_fault.ts";
import { messageHead } from "./http_stream.ts";

export interface BalancerOptions {
  /** Ports of the processes that take connections now. */
  ports: () => readonly number[];
  /** Default: no faults. */
  faults?: FaultSource;
}

export interface Balancer extends AsyncDisposable {
  url: string;
  /** Bytes passed on, heads included. */
  bytes: Record<Direction, number>;
  /** Faults that happened, by kind. */
  injected: Map<ConnectionFaultKind, number>;
}

const trickleBytes = 256;
const tricklePauseMs = 10;
/** Pieces that trickle; what is left then follows at once. */
const tricklePieces = 100;

/** Listens on a free port of this machine. */
export async function startBalancer(
  options: BalancerOptions,
): Promise<Balancer> {
  const { ports, faults = () => null } = options;
  const bytes = { up: 0, down: 0 };
  const injected = new Map<ConnectionFaultKind, number>();
  const open = new Map<number, number>();
  const relays = new Set<Relay>();

  const server = createServer(
    { allowHalfOpen: true, noDelay: true },
    async (near) => {
      near.on("error", () => {});
      const far = await reach(minUsed(ports(), open));
      if (far === null) return near.resetAndDestroy();
      const port = far.remotePort!;
      open.set(port, (open.get(port) ?? 0) + 1);
      const relay = new Relay(near, far, {
        faults,
        onBytes: (direction, count) => bytes[direction] += count,
        onFault: ({ kind }) =>
          injected.set(kind, (injected.get(kind) ?? 0) + 1),
      });
      relays.add(relay);
      await relay.closed;
      relays.delete(relay);
      open.set(port, open.get(port)! - 1);
    },
  );
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    bytes,
    injected,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((done) => server.close(done));
      for (const relay of relays) relay.reset();
      await closed;
    },
  };
}

/** Ports in the order of their open connections. */
function minUsed(
  ports: readonly number[],
  open: ReadonlyMap<number, number>,
): number[] {
  return ports.toSorted((a, b) => (open.get(a) ?? 0) - (open.get(b) ?? 0));
}

/** A connection to the first of the ports that takes one; null if none does. */
async function reach(ports: readonly number[]): Promise<Socket | null> {
  for (const port of ports) {
    const far = connect({
      host: "127.0.0.1",
      port,
      allowHalfOpen: true,
      noDelay: true,
    });
    const connected = await new Promise<boolean>((done) => {
      far.once("connect", () => done(true));
      far.once("error", () => done(false));
    });
    far.on("error", () => {});
    if (connected) return far;
  }
  return null;
}

interface RelayHooks {
  faults: FaultSource;
  onBytes(direction: Direction, count: number): void;
  onFault(fault: ConnectionFault): void;
}

/** A fault that waits for its place in a body. */
interface Armed {
  fault: ConnectionFault;
  /** Bytes of its direction that pass before. */
  bytesLeft: number;
}

/** A client's connection and the one to a process that it is passed on to. */
class Relay {
  readonly closed: Promise<unknown>;
  readonly #sockets: Socket[];
  readonly #hooks: RelayHooks;
  /** Of the request under way. */
  #fault: ConnectionFault | null = null;
  #armed: Armed | null = null;

  constructor(near: Socket, far: Socket, hooks: RelayHooks) {
    this.#sockets = [near, far];
    this.#hooks = hooks;
    this.closed = Promise.allSettled([
      this.#pass("up", near, far),
      this.#pass("down", far, near),
    ]);
  }

  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async #pass(direction: Direction, from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Uint8Array>) {
        this.#hooks.onBytes(direction, chunk.length);
        if (this.#arm(direction, chunk)) await this.#spoil(chunk, to);
        else if (to.writable) await write(to, chunk);
      }
      to.end();
    } catch {
      // One of the two has broken: the other must not wait for it.
      this.reset();
    }
  }

  /** Whether a fault happens within `chunk`. */
  #arm(direction: Direction, chunk: Uint8Array): boolean {
    const head = messageHead(chunk);
    if (head && direction === "up") this.#fault = this.#hooks.faults();
    if (head && this.#fault?.direction === direction && head.bodyBytes > 0) {
      const fault = this.#fault;
      const at = Math.floor(fault.at * head.bodyBytes);
      this.#armed = { fault, bytesLeft: head.headBytes + at };
      this.#fault = null;
    }
    if (this.#armed?.fault.direction !== direction) return false;
    if (this.#armed.bytesLeft < chunk.length) return true;
    this.#armed.bytesLeft -= chunk.length;
    return false;
  }

  async #spoil(chunk: Uint8Array, to: Socket): Promise<void> {
    const { fault, bytesLeft } = this.#armed!;
    this.#armed = null;
    this.#hooks.onFault(fault);
    const before = chunk.subarray(0, bytesLeft);
    const after = chunk.subarray(bytesLeft);
    switch (fault.kind) {
      case "garble":
        chunk[bytesLeft] ^= 1 << Math.floor(8 * fault.at);
        return await write(to, chunk);
      case "trickle": {
        await write(to, before);
        let at = 0;
        for (let i = 0; i < tricklePieces && at < after.length; i++) {
          await new Promise((done) => setTimeout(done, tricklePauseMs));
          await write(to, after.subarray(at, at += trickleBytes));
        }
        return await write(to, after.subarray(at));
      }
      case "half-close":
        await write(to, before);
        to.end();
        return;
      case "reset":
        await write(to, before);
        return this.reset();
      case "stall":
        await write(to, before);
        await new Promise((done) => {
          for (const socket of this.#sockets) socket.once("close", done);
        });
    }
  }
}

/** Resolves when `socket` has taken the bytes; rejects when it is broken. */
function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((done, fail) =>
    socket.write(bytes, (error) => error ? fail(error) : done())
  );
}
