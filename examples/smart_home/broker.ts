/**
 * Connections to an MQTT broker, made again whenever they are lost.
 *
 * @module
 */
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import { note } from "../../cli/commands/command.ts";
import type { Notices } from "./notices.ts";

/** A broker, and what opens it. */
export interface Broker {
  /** Without user and password. */
  url: URL;
  username?: string;
  password?: string;
  /** PEM of the authority that signed its certificate, beside those of the system. */
  ca?: string;
  /** PEM of this client's certificate, and of its key. */
  cert?: string;
  key?: string;
}

/**
 * Takes user and password off an address and decodes them; those of the
 * environment, `MQTT_USERNAME` and `MQTT_PASSWORD`, come first.
 */
export function brokerAt(
  address: URL,
  pems: Pick<Broker, "ca" | "cert" | "key"> = {},
): Broker {
  const url = new URL(address);
  const given = (text: string) => text === "" ? undefined : decode(text);
  const username = Deno.env.get("MQTT_USERNAME") ?? given(url.username);
  const password = Deno.env.get("MQTT_PASSWORD") ?? given(url.password);
  url.username = "";
  url.password = "";
  return { url, username, password, ...pems };
}

/** A client that tells whether it is connected, and tries for ever. */
export function connectClient(
  broker: Broker,
  notices: Notices,
  will?: IClientOptions["will"],
): MqttClient {
  const { url, ...opening } = broker;
  const client = mqtt.connect(url.href, {
    ...opening,
    will,
    reconnectOnConnackError: true,
  });
  const cause = `broker ${url.host}`;
  client.on("connect", () => {
    notices.clear(cause);
    note(`Connected to broker ${url.host}`);
  });
  client.on("error", (error) => {
    const { code, message } = error as { code?: unknown; message: string };
    const fault = `${message || code}`;
    const hint = /certificate/i.test(fault)
      ? " (a private authority: --broker-ca)"
      : "";
    notices.warn(
      cause,
      `Cannot use broker ${url.host}: ${fault}${hint}; trying again`,
    );
  });
  client.on("close", () => {
    if (client.disconnecting) return;
    notices.warn(cause, `Lost broker ${url.host}; trying again`);
  });
  return client;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
