/** An MQTT broker on a free loopback port, and what arrives there. */
import { Aedes } from "aedes";
import mqtt from "mqtt";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";

export interface Broker extends AsyncDisposable {
  url: string;
  /** Resolves once somebody has subscribed to a topic. */
  subscribed(topic: string): Promise<void>;
}

export interface BrokerOptions {
  /** 0: any free one. */
  port?: number;
  /** Sees what clients open it with; all are let in. */
  authenticate?: (user: string | undefined, password: string) => void;
  /** Certificates: then it is one of `mqtts://localhost`. */
  tls?: TlsOptions;
}

export async function startBroker(
  { port = 0, authenticate, tls }: BrokerOptions = {},
): Promise<Broker> {
  const aedes = await Aedes.createBroker({
    authenticate: (_, user, password, done) => {
      authenticate?.(user, `${password ?? ""}`);
      done(null, true);
    },
  });
  const topics = new Set<string>();
  const subscribing = new EventTarget();
  aedes.on("subscribe", (subscriptions) => {
    for (const { topic } of subscriptions) topics.add(topic);
    subscribing.dispatchEvent(new Event("subscribed"));
  });
  const handle = aedes.handle as (socket: Socket) => void;
  const server = tls ? createTlsServer(tls, handle) : createServer(handle);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `${tls ? "mqtts://localhost" : "mqtt://127.0.0.1"}:${
      (server.address() as AddressInfo).port
    }`,
    async subscribed(topic) {
      while (!topics.has(topic)) await once(subscribing, "subscribed");
    },
    async [Symbol.asyncDispose]() {
      await new Promise<void>((done) => aedes.close(() => done()));
      await new Promise((done) => server.close(done));
    },
  };
}

/** A loopback port that was free just now. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** Sees all messages of a broker, and sends some. */
export class Watcher implements AsyncDisposable {
  readonly #client: mqtt.MqttClient;
  readonly #seen: { topic: string; text: string; retain: boolean }[] = [];
  readonly #waiting = new Set<() => void>();

  private constructor(client: mqtt.MqttClient) {
    this.#client = client;
    client.on("message", (topic, payload, { retain }) => {
      this.#seen.push({ topic, text: payload.toString(), retain });
      for (const look of this.#waiting) look();
    });
  }

  static async connect(url: string): Promise<Watcher> {
    const watcher = new Watcher(await mqtt.connectAsync(url));
    await watcher.#client.subscribeAsync("#", { qos: 1 });
    return watcher;
  }

  /** Texts seen so far on a topic. */
  on(topic: string): string[] {
    return this.#seen.filter((message) => message.topic === topic)
      .map(({ text }) => text);
  }

  /** Waits until `count` messages have come on `topic`; returns them. */
  async until(topic: string, count: number): Promise<string[]> {
    await new Promise<void>((done) => {
      const look = () => {
        if (this.on(topic).length < count) return;
        this.#waiting.delete(look);
        done();
      };
      this.#waiting.add(look);
      look();
    });
    return this.on(topic);
  }

  /** The same, where a message that comes again counts once (MQTT's "at least once"). */
  async untilDistinct(topic: string, count: number): Promise<string[]> {
    for (let seen = count;; seen++) {
      const distinct = [...new Set(await this.until(topic, seen))];
      if (distinct.length >= count) return distinct;
    }
  }

  async send(
    topic: string,
    text: string,
    { retain = false } = {},
  ): Promise<void> {
    await this.#client.publishAsync(topic, text, { qos: 1, retain });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.endAsync();
  }
}
