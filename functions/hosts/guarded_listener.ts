/**
 * HTTP on a listener that outlives a lack of file descriptors, and closes connections
 * that nobody uses. Runtime: Deno, whose own server ends the process when it cannot
 * accept, and keeps idle connections for ever.
 *
 * Connections are accepted here and carried to a server on loopback, which is reached
 * through them alone.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { Carried } from "./carried_connection.ts";
import type { Certificate } from "./certificate.ts";

type Handler = (
  request: Request,
  host: Deno.ServeHandlerInfo,
) => Response | Promise<Response>;

export interface GuardedListenerOptions {
  hostname: string;
  /** 0: any that is free. */
  port: number;
  /** A connection without a call is closed after so long. Default 75,000. */
  idleMs?: number;
  /** Default 4096. */
  maxConnections?: number;
  /** Speaks TLS with it. Default: plain HTTP. */
  certificate?: Certificate;
}

type Server = Deno.HttpServer<Deno.NetAddr>;

/** What a connection and the calls on it may need; the server must never lack them. */
const spareDescriptors = 12;
const sweepMs = 500;
/** Where descriptors are short, connections without a call are closed after so long. */
const shortIdleMs = 1_000;
const pauseMs = 100;

/** Serves a handler until it is stopped. */
export class GuardedListener {
  readonly #listener: Deno.TcpListener;
  readonly #handler: Handler;
  /** The one that new connections are carried to, and earlier ones. */
  #server: Server;
  readonly #earlier: Promise<void>[] = [];
  readonly #maxConnections: number;
  /** By the port that the server sees. */
  readonly #connections = new Map<number, Carried>();
  readonly #sweep: ReturnType<typeof setInterval>;
  #idleMs: number;
  #stopping = false;

  constructor(handler: Handler, options: GuardedListenerOptions) {
    const { hostname, port, idleMs = 75_000, maxConnections = 4096 } = options;
    this.#idleMs = idleMs;
    this.#maxConnections = maxConnections;
    this.#handler = handler;
    this.#listener = Deno.listen({ hostname, port });
    this.#server = this.#serve(options.certificate);
    this.#sweep = setInterval(() => this.#closeIdle(this.#idleMs), sweepMs);
    void this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#connections.size;
  }

  /**
   * Speaks TLS with another certificate on connections from now on; calls under way end
   * under the one before.
   *
   * @throws {Error} if the certificate cannot be used; then nothing has changed
   */
  renew(certificate: Certificate): void {
    const before = this.#server;
    this.#server = this.#serve(certificate);
    this.#earlier.push(before.shutdown());
  }

  /** Takes no connections from now on. Resolves when the calls under way are answered. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#listener.close();
    this.#idleMs = shortIdleMs;
    // It ends its connections when they are through, and with them those of clients.
    await Promise.all([...this.#earlier, this.#server.shutdown()]);
    await Promise.all(
      this.#connections.values().map(({ closed }) => closed),
    );
    clearInterval(this.#sweep);
  }

  #serve(certificate?: Certificate): Server {
    return Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {}, ...certificate },
      (request, host) => this.#answer(request, host),
    );
  }

  async #answer(
    request: Request,
    host: Deno.ServeHandlerInfo<Deno.NetAddr>,
  ): Promise<Response> {
    const connection = this.#connections.get(host.remoteAddr.port);
    // A process on this machine found the server's own port.
    if (!connection) return new Response(null, { status: 403 });
    connection.begin();
    const completed = host.completed.finally(() => connection.end());
    const { from: remoteAddr } = connection;
    const response = await this.#handler(request, { remoteAddr, completed });
    // Deno's server leaves it open until all has come that it reads no more. Other calls
    // on it, as HTTP/2 has them, go on.
    if (
      response.headers.get("connection") === "close" && connection.calls === 1
    ) connection.refuse();
    return response;
  }

  async #accept(): Promise<void> {
    while (!this.#stopping) {
      try {
        const client = await this.#listener.accept();
        if (this.#hasRoom()) await this.#carry(client);
        else client.close();
      } catch {
        if (this.#stopping) return;
        this.#closeIdle(shortIdleMs);
        await new Promise((resume) => setTimeout(resume, pauseMs));
      }
    }
  }

  /** Whether another connection leaves as many descriptors as calls need. */
  #hasRoom(): boolean {
    const isFull = () =>
      this.#connections.size >= this.#maxConnections || !descriptorsLeft();
    if (!isFull()) return true;
    this.#closeIdle(shortIdleMs);
    return !isFull();
  }

  async #carry(client: Deno.TcpConn): Promise<void> {
    let server: Deno.TcpConn;
    try {
      server = await Deno.connect({
        hostname: "127.0.0.1",
        port: this.#server.addr.port,
      });
    } catch (error) {
      client.close();
      throw error;
    }
    const { port } = server.localAddr as Deno.NetAddr;
    const connection = new Carried(client, server);
    this.#connections.set(port, connection);
    void connection.closed.then(() => this.#connections.delete(port));
  }

  #closeIdle(idleMs: number): void {
    for (const connection of this.#connections.values()) {
      if (connection.isIdle(idleMs)) connection.close();
    }
  }
}

const anyFile = fileURLToPath(import.meta.url);

/** Opens as many files as may be needed at once, and closes them. */
function descriptorsLeft(): boolean {
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < spareDescriptors) files.push(Deno.openSync(anyFile));
    return true;
  } catch {
    return false;
  } finally {
    for (const file of files) file.close();
  }
}
