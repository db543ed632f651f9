/** The apps on a broker: discovery, states, availability, and Home Assistant's start. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import {
  deviceTopics,
  MqttDevice,
} from "../../examples/smart_home/mqtt_device.ts";
import {
  cloudWith,
  insecureKey,
  isMissing,
  jsonLines,
  runApp,
  startApp,
} from "../support/apps.ts";
import { type Broker, startBroker, Watcher } from "../support/broker.ts";

const kettle = {
  id: "kettle",
  name: "Kettle",
  model: "Test",
  components: {
    power: {
      platform: "sensor",
      name: "Power",
      value_template: "{{ value_json.power }}",
    },
  },
} as const;

/** What a device does, on any broker. */
async function checkDevice(broker: Broker): Promise<void> {
  const { config, availability, state } = deviceTopics(kettle.id);
  await using watcher = await Watcher.connect(broker.url);
  const device = await MqttDevice.connect(new URL(broker.url), kettle);
  const [described] = await watcher.until(config, 1);
  deepEqual(JSON.parse(described), {
    device: {
      identifiers: ["cipherlayer_kettle"],
      name: "Kettle",
      manufacturer: "Cipherlayer",
      model: "Test",
    },
    origin: { name: "Cipherlayer" },
    components: {
      power: {
        ...kettle.components.power,
        unique_id: "cipherlayer_kettle_power",
      },
    },
    state_topic: "cipherlayer/kettle/state",
    availability_topic: "cipherlayer/kettle/availability",
    qos: 1,
  });
  deepEqual(await watcher.until(availability, 1), ["online"]);
  device.publish({ power: 2000 });
  await watcher.until(state, 1);

  await watcher.send("homeassistant/status", "offline");
  await watcher.send("homeassistant/status", "online");
  deepEqual(await watcher.until(config, 2), [described, described]);
  deepEqual(await watcher.until(state, 2), [
    '{"power":2000}',
    '{"power":2000}',
  ]);

  // Who comes later finds all three.
  await using late = await Watcher.connect(broker.url);
  await late.until(config, 1);
  await late.until(state, 1);
  await late.until(availability, 1);

  await device[Symbol.asyncDispose]();
  equal((await watcher.until(availability, 3)).at(-1), "offline");
}

Deno.test("a device describes itself, again when Home Assistant starts, and says goodbye", async () => {
  await using broker = await startBroker();
  await checkDevice(broker);
});

Deno.test("a broker that cannot be reached is an error, not a wait", async () => {
  const connecting = MqttDevice.connect(new URL("mqtt://127.0.0.1:1"), kettle);
  const error = await connecting.catch((error) => error);
  match(error.message, /^Cannot reach broker 127.0.0.1:1: /);
});

Deno.test({
  name:
    "water_meter --simulate publishes readings; killed, its last will speaks",
  ignore: isMissing("meter-digits"),
  fn: async () => {
    await using broker = await startBroker();
    await using watcher = await Watcher.connect(broker.url);
    await using cloud = await cloudWith("meter-digits");
    const { config, availability, state } = deviceTopics("cellar");
    await using app = await startApp("water_meter", [
      "--simulate",
      "--url",
      cloud.url,
      "--broker",
      broker.url,
      "--device-id",
      "cellar",
      ...insecureKey,
    ]);
    const states = await watcher.until(state, 2);
    const readings = states.map((text) => JSON.parse(text));
    deepEqual(readings.map(({ value }) => value), ["123.456", "123.516"]);
    equal(readings[1].pre, "123.456");
    equal(readings[1].rate_per_time_unit, "0.7200");
    app.child.kill("SIGKILL");
    equal((await watcher.until(availability, 2)).at(-1), "offline");
    const { components } = JSON.parse(watcher.on(config)[0]);
    deepEqual(Object.keys(components), ["value", "rate", "raw", "error"]);
    equal(components.value.state_class, "total_increasing");
    await app.child.stdout.cancel();
    await app.child.stderr.cancel();
  },
});

Deno.test({
  name: "occupancy reads sensors from the broker and is interrupted politely",
  ignore: isMissing("occupancy"),
  fn: async () => {
    await using broker = await startBroker();
    await using watcher = await Watcher.connect(broker.url);
    await using cloud = await cloudWith("occupancy");
    const { availability, state } = deviceTopics("occupancy");
    // Retained, so that it does not matter who is first.
    await watcher.send(
      "office/air",
      JSON.stringify({
        temperature: 22.1,
        humidity: 27,
        illuminance: 440,
        co2: 800,
      }),
      { retain: true },
    );
    await using app = await startApp("occupancy", [
      "--topic",
      "office/air",
      "--batch",
      "1",
      "--url",
      cloud.url,
      "--broker",
      broker.url,
      ...insecureKey,
    ]);
    const [first] = await watcher.until(state, 1);
    deepEqual(JSON.parse(first), {
      occupied: true,
      minutesOccupied: 1,
      minutes: [true],
    });
    app.child.kill("SIGTERM");
    equal((await watcher.until(availability, 2)).at(-1), "offline");
    equal((await app.child.output()).code, 130);
  },
});

const mosquitto = await hasMosquitto();

Deno.test({
  name:
    "the same device on mosquitto, and the water meter (ignored where it is not installed: apt-get install mosquitto)",
  ignore: !mosquitto || isMissing("meter-digits"),
  fn: async () => {
    await using broker = await startMosquitto();
    await checkDevice(broker);
    await using watcher = await Watcher.connect(broker.url);
    await using cloud = await cloudWith("meter-digits");
    const { code, stdout, stderr } = await runApp("water_meter", [
      "--simulate",
      "--count",
      "1",
      "--json",
      "--url",
      cloud.url,
      "--broker",
      broker.url,
      ...insecureKey,
    ]);
    equal(code, 0, stderr);
    const [state] = await watcher.until(deviceTopics("water_meter").state, 1);
    deepEqual(JSON.parse(state), jsonLines(stdout)[0]);
  },
});

async function hasMosquitto(): Promise<boolean> {
  try {
    await new Deno.Command("mosquitto", { args: ["-h"], stdout: "null" })
      .output();
    return true;
  } catch {
    return false;
  }
}

/** Mosquitto on a loopback port that was free just now. */
async function startMosquitto(): Promise<Broker> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, "close");
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(
    file,
    `listener ${port} 127.0.0.1\nallow_anonymous true\n`,
  );
  const child = new Deno.Command("mosquitto", {
    args: ["-v", "-c", file],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let log = "";
  const running = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (
      const part of child.stderr.pipeThrough(new TextDecoderStream())
    ) {
      log += part;
      if (/ running/.test(log)) running.resolve();
    }
    running.resolve();
  })();
  await running.promise;
  ok(/ running/.test(log), log);
  return {
    url: `mqtt://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await reading;
      await Deno.remove(file);
    },
  };
}
