import mqtt, { type MqttClient } from "mqtt";

/** One entity of Home Assistant, in the words of its MQTT discovery. */
export interface Component {
  platform: "sensor" | "binary_sensor";
  name: string;
  /** Picks the entity's state out of the device's JSON. */
  value_template: string;
  device_class?: string;
  state_class?: string;
  unit_of_measurement?: string;
  entity_category?: "diagnostic";
  icon?: string;
  options?: string[];
  suggested_display_precision?: number;
  payload_on?: string;
  payload_off?: string;
}

/** A device and its entities. */
export interface DeviceDescription {
  id: string;
  name: string;
  model: string;
  components: Record<string, Component>;
}

/** Where a device publishes. */
export interface DeviceTopics {
  /** JSON of the latest result, retained. */
  state: string;
  /** "online" or "offline", retained; offline by last will. */
  availability: string;
  /** Home Assistant's discovery, retained. */
  config: string;
}

/** Home Assistant tells here that it has started. */
const birthTopic = "homeassistant/status";
const atLeastOnce = { qos: 1, retain: true } as const;

/** Topics of the device `id`. */
export function deviceTopics(id: string): DeviceTopics {
  return {
    state: `cipherlayer/${id}/state`,
    availability: `cipherlayer/${id}/availability`,
    config: `homeassistant/device/${id}/config`,
  };
}

/** The message that makes Home Assistant show a device. */
export function discovery(device: DeviceDescription) {
  const topics = deviceTopics(device.id);
  return {
    device: {
      identifiers: [`cipherlayer_${device.id}`],
      name: device.name,
      manufacturer: "Cipherlayer",
      model: device.model,
    },
    origin: { name: "Cipherlayer" },
    components: Object.fromEntries(
      Object.entries(device.components).map(([key, component]) => [
        key,
        { ...component, unique_id: `cipherlayer_${device.id}_${key}` },
      ]),
    ),
    state_topic: topics.state,
    availability_topic: topics.availability,
    qos: 1,
  };
}

/**
 * A device on an MQTT broker. Says what it is and that it is there whenever it
 * connects, and again whenever Home Assistant starts; if it vanishes, the broker
 * says that it is offline.
 */
export class MqttDevice implements AsyncDisposable {
  readonly topics: DeviceTopics;
  readonly #client: MqttClient;
  readonly #description: DeviceDescription;
  #state: string | null = null;

  private constructor(client: MqttClient, description: DeviceDescription) {
    this.#client = client;
    this.#description = description;
    this.topics = deviceTopics(description.id);
    client.on("connect", () => this.#announce());
    client.on("message", (topic, payload) => {
      if (topic === birthTopic && payload.toString() === "online") {
        this.#announce();
      }
    });
  }

  /**
   * Connects, and connects again whenever the connection is lost.
   *
   * @throws {Error} if the broker cannot be reached now or refuses
   */
  static async connect(
    broker: URL,
    description: DeviceDescription,
  ): Promise<MqttDevice> {
    const { availability } = deviceTopics(description.id);
    const client = connectClient(broker, {
      topic: availability,
      payload: "offline",
      ...atLeastOnce,
    });
    const device = new MqttDevice(client, description);
    await connected(client, broker);
    await client.subscribeAsync(birthTopic, { qos: 1 });
    return device;
  }

  /** Publishes a result; while there is no connection the latest one waits for it. */
  publish(state: unknown): void {
    this.#state = JSON.stringify(state);
    if (this.#client.connected) {
      this.#client.publish(this.topics.state, this.#state, atLeastOnce);
    }
  }

  /** Says that the device is offline, and leaves. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#client.connected) {
      await this.#client.publishAsync(
        this.topics.availability,
        "offline",
        atLeastOnce,
      );
    }
    await this.#client.endAsync(!this.#client.connected);
  }

  #announce(): void {
    const { config, availability, state } = this.topics;
    const described = JSON.stringify(discovery(this.#description));
    this.#client.publish(config, described, atLeastOnce);
    this.#client.publish(availability, "online", atLeastOnce);
    if (this.#state !== null) {
      this.#client.publish(state, this.#state, atLeastOnce);
    }
  }
}

/** A client with the broker's credentials from the environment. */
export function connectClient(
  broker: URL,
  will?: { topic: string; payload: string; qos: 1; retain: boolean },
): MqttClient {
  return mqtt.connect(broker.href, {
    username: Deno.env.get("MQTT_USERNAME"),
    password: Deno.env.get("MQTT_PASSWORD"),
    will: will &&
      { ...will, payload: new TextEncoder().encode(will.payload) as never },
  });
}

/**
 * Waits for the first connection.
 *
 * @throws {Error} if it fails; the client has ended then
 */
export async function connected(
  client: MqttClient,
  broker: URL,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  client.once("connect", () => resolve());
  client.once("error", reject);
  try {
    await promise;
  } catch (cause) {
    client.end(true);
    const { code, message } = cause as { code?: unknown; message: string };
    throw new Error(
      `Cannot reach broker ${broker.host}: ${message || code}`,
      { cause },
    );
  }
  // Later faults: the client connects again by itself.
  client.on("error", () => {});
}
