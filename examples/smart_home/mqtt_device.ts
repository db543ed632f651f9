/**
 * A device of Home Assistant on an MQTT broker: its description, states, and whether
 * they can be trusted.
 *
 * @module
 */
import type { MqttClient } from "mqtt";
import sdk from "../../sdk/deno.json" with { type: "json" };
import { type Broker, connectClient } from "./broker.ts";
import type { Notices } from "./notices.ts";

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
}

/** A device and its entities. */
export interface DeviceDescription {
  id: string;
  name: string;
  model: string;
  /** After so many seconds without a state its entities are unavailable. */
  expireAfterS: number;
  components: Record<string, Component>;
}

/** Where a device publishes. */
export interface DeviceTopics {
  /** JSON of the latest result, retained. */
  state: string;
  /** JSON of what is wrong, retained. */
  problem: string;
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
    problem: `cipherlayer/${id}/problem`,
    availability: `cipherlayer/${id}/availability`,
    config: `homeassistant/device/${id}/config`,
  };
}

/**
 * The message that makes Home Assistant show a device. What the app measures is
 * available while the app runs and states keep coming; the problem, while it runs.
 */
export function discovery(device: DeviceDescription) {
  const topics = deviceTopics(device.id);
  const unique = (key: string) => ({
    unique_id: `cipherlayer_${device.id}_${key}`,
    availability: [{ topic: topics.availability }],
  });
  return {
    device: {
      identifiers: [`cipherlayer_${device.id}`],
      name: device.name,
      manufacturer: "Cipherlayer",
      model: device.model,
      sw_version: sdk.version,
    },
    origin: { name: "Cipherlayer", sw_version: sdk.version },
    components: {
      ...Object.fromEntries(
        Object.entries(device.components).map(([key, component]) => [
          key,
          {
            ...component,
            ...unique(key),
            expire_after: device.expireAfterS,
          },
        ]),
      ),
      problem: {
        platform: "binary_sensor",
        name: "Problem",
        state_topic: topics.problem,
        value_template: "{{ 'ON' if value_json.problems else 'OFF' }}",
        json_attributes_topic: topics.problem,
        device_class: "problem",
        entity_category: "diagnostic",
        ...unique("problem"),
      },
    },
    state_topic: topics.state,
    qos: 1,
  };
}

/**
 * A device on an MQTT broker. Says what it is and that it is there whenever it
 * connects, and again whenever Home Assistant starts; if it vanishes, the broker
 * says that it is offline. A broker that is away is waited for.
 */
export class MqttDevice implements AsyncDisposable {
  readonly topics: DeviceTopics;
  readonly #client: MqttClient;
  #description: DeviceDescription;
  #state: string | null = null;
  #problems: string[] = [];
  /** Announced on this connection; what comes before is part of the announcement. */
  #announced = false;

  constructor(
    broker: Broker,
    description: DeviceDescription,
    notices: Notices,
  ) {
    this.#description = description;
    this.topics = deviceTopics(description.id);
    const will = { topic: this.topics.availability, ...atLeastOnce };
    this.#client = connectClient(broker, notices, {
      ...will,
      payload: new TextEncoder().encode("offline") as never,
    });
    this.#client.on("connect", () => {
      this.#announce();
      this.#announced = true;
      this.#client.subscribe(birthTopic, { qos: 1 });
    });
    this.#client.on("close", () => this.#announced = false);
    this.#client.on("message", (topic, payload) => {
      if (topic === birthTopic && payload.toString() === "online") {
        this.#announce();
      }
    });
    notices.onChange = (problems) => {
      this.#problems = problems;
      if (this.#announced) this.#publishProblems();
    };
  }

  /** Replaces the description; told again if it has changed. */
  describe(description: DeviceDescription): void {
    const before = JSON.stringify(this.#description);
    this.#description = description;
    if (this.#announced && JSON.stringify(description) !== before) {
      this.#publishDescription();
    }
  }

  /** Publishes a result; while there is no connection the latest one waits for it. */
  publish(state: unknown): void {
    this.#state = JSON.stringify(state);
    if (this.#announced) {
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
    const { availability, state } = this.topics;
    this.#publishDescription();
    this.#client.publish(availability, "online", atLeastOnce);
    this.#publishProblems();
    if (this.#state !== null) {
      this.#client.publish(state, this.#state, atLeastOnce);
    }
  }

  #publishDescription(): void {
    const described = JSON.stringify(discovery(this.#description));
    this.#client.publish(this.topics.config, described, atLeastOnce);
  }

  #publishProblems(): void {
    const problems = JSON.stringify({ problems: this.#problems });
    this.#client.publish(this.topics.problem, problems, atLeastOnce);
  }
}
