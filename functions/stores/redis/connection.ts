/**
 * A connection to a Redis or Valkey server, which is made anew whenever it breaks.
 * Runtime: Deno and Node.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createClient, RESP_TYPES } from "@redis/client";
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import { codeOf, databaseFault, inTime, Outages } from "../database_fault.ts";

const connectTimeoutMs = 2_000;
const longestPauseMs = 1_000;

/** A script and what it is about; all of it happens at once, or nothing. */
export interface ScriptCall {
  script: string;
  keys: readonly string[];
  args: readonly (string | number | Uint8Array)[];
}

export interface RedisOptions {
  /** `redis[s]://[[user]:password@]host[:port][/database]` */
  url: string;
  /** Replicas that have what is written before it counts. Default: 0. */
  replicas?: number;
  /** Told what an operator should know. */
  notice: (message: string) => void;
}

type Client = ReturnType<typeof clientOf>;

/** Runs scripts on a server; while it is away, each is refused at once. */
export class RedisConnection {
  readonly #options: RedisOptions;
  readonly #outages: Outages;
  #client: Client;

  private constructor(options: RedisOptions) {
    this.#options = options;
    this.#outages = new Outages(options.notice);
    this.#client = this.#connect();
  }

  /**
   * Resolves once the server has been reached, or could not be: then it is tried on.
   *
   * @throws {TypeError} for a URL that makes no sense
   */
  static async open(options: RedisOptions): Promise<RedisConnection> {
    const connection = new RedisConnection(options);
    const client = connection.#client;
    await new Promise<void>((resolve) =>
      client.once("ready", resolve).once("error", () => resolve())
    );
    return connection;
  }

  /** Reads. @throws {CipherlayerError} `server-fault`, retryable */
  async read<T>(call: ScriptCall): Promise<T> {
    return await this.#ask((client) => evaluate(client, call)) as T;
  }

  /** Reads; texts come as bytes. @throws {CipherlayerError} `server-fault`, retryable */
  async readBytes<T>(call: ScriptCall): Promise<T> {
    return await this.#ask((client) => evaluate(client, call, true)) as T;
  }

  /**
   * Writes: what the script answers, once enough replicas have what it wrote.
   *
   * @throws {CipherlayerError} `server-fault`, retryable; it may be written all the same
   */
  async write<T>(call: ScriptCall): Promise<T> {
    const { replicas = 0 } = this.#options;
    return await this.#ask(async (client) => {
      const answer = evaluate(client, call);
      if (replicas === 0) return await answer;
      const have = client.wait(replicas, connectTimeoutMs / 2);
      const [written, count] = await Promise.all([answer, have]);
      if (count < replicas) {
        throw databaseFault(
          `expected ${replicas} replicas to have what was written, got ${count}`,
        );
      }
      return written;
    }) as T;
  }

  /** A section of INFO, as names and values. */
  async info(section: string): Promise<Map<string, string>> {
    const text = await this.#ask((client) => client.info(section));
    return new Map(
      Array.from(
        text.matchAll(/^([a-z_]+):(.*?)\r?$/gm),
        ([, name, value]) => [name, value],
      ),
    );
  }

  close(): void {
    this.#client.destroy();
  }

  async #ask<T>(ask: (client: Client) => Promise<T>): Promise<T> {
    const client = this.#client;
    try {
      const answer = await inTime(ask(client), () => this.#renew(client));
      this.#outages.back();
      return answer;
    } catch (error) {
      const isOurs = error instanceof CipherlayerError;
      const why = isOurs ? error.message : codeOf(error);
      this.#outages.away(why);
      // It was the primary: its name may stand for another server by now.
      if (why === "READONLY") this.#renew(client);
      throw isOurs
        ? error
        : databaseFault("it cannot be reached, or takes nothing");
    }
  }

  #connect(): Client {
    const client = clientOf(this.#options.url);
    client.on("error", (error) => this.#outages.away(codeOf(error)));
    // Tried again for ever; faults are reported above.
    client.connect().catch(() => {});
    return client;
  }

  #renew(broken: Client): void {
    if (this.#client !== broken) return;
    broken.destroy();
    this.#client = this.#connect();
  }
}

function clientOf(url: string) {
  return createClient({
    url,
    name: "cipherlayer",
    disableOfflineQueue: true,
    maintNotifications: "disabled",
    socket: {
      connectTimeout: connectTimeoutMs,
      reconnectStrategy: (attempts) =>
        Math.min(longestPauseMs, 2 ** Math.min(attempts, 10) * 10),
    },
  });
}

/** @param asBytes texts of the answer come as bytes */
function evaluate(
  client: Client,
  { script, keys, args }: ScriptCall,
  asBytes = false,
): Promise<unknown> {
  const options = {
    keys: [...keys],
    arguments: args.map((arg) =>
      arg instanceof Uint8Array
        ? Buffer.from(arg.buffer, arg.byteOffset, arg.length)
        : String(arg)
    ),
  };
  return asBytes
    ? client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
      .eval(script, options)
    : client.eval(script, options);
}
