/** The apps on a broker: discovery, states, availability, and Home Assistant's start. */
import {
  deepEqual,
  equal,
  match,
  ok,
  rejects,
  throws,
} from "node:assert/strict";
import { once } from "node:events";
import { brokerAt, connectClient } from "../../examples/smart_home/broker.ts";
import { homeCommand, parseHome } from "../../examples/smart_home/options.ts";
import { Notices } from "../../examples/smart_home/notices.ts";
import { mqttMessages, numberAt } from "../../examples/smart_home/sources.ts";
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
import {
  type Broker,
  freePort,
  startBroker,
  Watcher,
} from "../support/broker.ts";
import { certificate, certificateKey } from "../vectors/self_signed.ts";
import sdk from "../../sdk/deno.json" with { type: "json" };

const { version } = sdk;

const kettle = {
  id: "kettle",
  name: "Kettle",
  model: "Test",
  expireAfterS: 90,
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
  const { config, availability, state, problem } = deviceTopics(kettle.id);
  await using watcher = await Watcher.connect(broker.url);
  const notices = new Notices();
  const device = new MqttDevice(
    brokerAt(new URL(broker.url)),
    kettle,
    notices,
  );
  const [described] = await watcher.until(config, 1);
  deepEqual(JSON.parse(described), {
    device: {
      identifiers: ["cipherlayer_kettle"],
      name: "Kettle",
      manufacturer: "Cipherlayer",
      model: "Test",
      sw_version: version,
    },
    origin: { name: "Cipherlayer", sw_version: version },
    components: {
      power: {
        ...kettle.components.power,
        unique_id: "cipherlayer_kettle_power",
        availability: [{ topic: availability }],
        expire_after: 90,
      },
      problem: {
        platform: "binary_sensor",
        name: "Problem",
        state_topic: problem,
        value_template: "{{ 'ON' if value_json.problems else 'OFF' }}",
        json_attributes_topic: problem,
        device_class: "problem",
        entity_category: "diagnostic",
        unique_id: "cipherlayer_kettle_problem",
        availability: [{ topic: availability }],
      },
    },
    state_topic: state,
    qos: 1,
  });
  deepEqual(await watcher.until(availability, 1), ["online"]);
  device.publish({ power: 2000 });
  await watcher.until(state, 1);
  deepEqual(await watcher.until(problem, 1), ['{"problems":[]}']);
  notices.warn("camera", "no picture");
  notices.warn("camera", "no picture, again");
  notices.clear("camera");
  deepEqual((await watcher.until(problem, 3)).slice(1), [
    '{"problems":["no picture"]}',
    '{"problems":[]}',
  ]);

  await watcher.send("homeassistant/status", "offline");
  await watcher.send("homeassistant/status", "online");
  deepEqual(await watcher.until(config, 2), [described, described]);
  deepEqual(await watcher.until(state, 2), [
    '{"power":2000}',
    '{"power":2000}',
  ]);

  // Who comes later finds all of it.
  await using late = await Watcher.connect(broker.url);
  for (const topic of [config, state, availability, problem]) {
    await late.until(topic, 1);
  }

  await device[Symbol.asyncDispose]();
  equal((await watcher.until(availability, 3)).at(-1), "offline");
}

Deno.test("a device describes itself, again when Home Assistant starts, and says goodbye", async () => {
  await using broker = await startBroker();
  await checkDevice(broker);
});

Deno.test("reports once and waits for a broker that is away or refuses", async () => {
  const notices = new Notices();
  let told = Promise.withResolvers<string[]>();
  notices.onChange = (problems) => told.resolve(problems);
  const port = await freePort();
  const address = new URL(`mqtt://127.0.0.1:${port}`);
  const client = connectClient(brokerAt(address), notices);
  match((await told.promise)[0], /^Cannot use broker 127.0.0.1:\d+: .*trying/);
  told = Promise.withResolvers<string[]>();
  await using _broker = await startBroker({ port });
  deepEqual(await told.promise, []);
  await client.endAsync();
});

Deno.test("decodes user and password of an address, with colons, and removes them", async () => {
  const seen = Promise.withResolvers<[string | undefined, string]>();
  await using broker = await startBroker({
    authenticate: (user, password) => seen.resolve([user, password]),
  });
  const given = brokerAt(
    new URL(broker.url.replace("mqtt://", "mqtt://al%40ice:p%40ss%3Aw%2Frd@")),
  );
  ok(!given.url.href.includes("@"));
  const client = connectClient(given, new Notices());
  deepEqual(await seen.promise, ["al@ice", "p@ss:w/rd"]);
  await client.endAsync();
});

Deno.test("refuses a broker of a private authority with a hint, and trusts it by PEM files", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = async (name: string, text: string) => {
      await Deno.writeTextFile(`${folder}/${name}`, text);
      return `${folder}/${name}`;
    };
    const ca = ["--broker-ca", await file("ca.pem", certificate)];
    const own = [
      ...["--broker-cert", await file("cert.pem", certificate)],
      ...["--broker-key", await file("key.pem", certificateKey)],
    ];
    await using broker = await startBroker({
      tls: {
        ...{ cert: certificate, key: certificateKey, ca: certificate },
        ...{ requestCert: true, rejectUnauthorized: true },
      },
    });
    const connected = async (args: string[]) => {
      const { home } = parseHome(homeCommand("a", "", "a"), args);
      const notices = new Notices();
      const told = Promise.withResolvers<string>();
      notices.onChange = ([problem]) => told.resolve(problem);
      const address = brokerAt(new URL(broker.url), home.pems);
      const client = connectClient(address, notices);
      client.on("connect", () => told.resolve("connected"));
      const result = await told.promise;
      await client.endAsync(true);
      return result;
    };
    match(
      await connected([]),
      /certificate.*\(a private authority: --broker-ca\)/i,
    );
    equal(await connected([...ca, ...own]), "connected");
    throws(
      () => parseHome(homeCommand("a", "", "a"), ["--broker-ca", "nothere"]),
      /cannot read nothere: no such file or folder/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("reports retained and unreadable messages, which give no reading", async () => {
  await using broker = await startBroker();
  await using watcher = await Watcher.connect(broker.url);
  await watcher.send("plug", '{"power":1800}', { retain: true });
  const notices = new Notices();
  const told: string[] = [];
  const change = new EventTarget();
  notices.onChange = (problems) => {
    told.push(problems.join());
    change.dispatchEvent(new Event("change"));
  };
  const stop = new AbortController();
  const messages = mqttMessages(
    brokerAt(new URL(broker.url)),
    "plug",
    notices,
    stop.signal,
  );
  const first = messages.next();
  await once(change, "change");
  match(told[0], /^plug: a retained message, of unknown age, is passed over/);
  await watcher.send("plug", "not JSON");
  await watcher.send("plug", '{"power":"7.5"}');
  const { value } = await first;
  equal(numberAt(value!.value, "power"), 7.5);
  ok(told.some((text) => /expected JSON, got "not JSON"/.test(text)));
  equal(told.at(-1), "");
  stop.abort();
  await rejects(messages.next());
});

for (
  const [text, expected] of [
    ['{"a":{"b":1}}', 1],
    ['{"a":{"b":" 20.5 "}}', 20.5],
    ['{"a":{"b":"unavailable"}}', null],
    ['{"a":{"b":""}}', null],
    ['{"a":{"b":null}}', null],
    ['{"a":{"b":true}}', null],
    ['{"a":{"b":[5]}}', null],
    ["-5", null],
  ] as const
) {
  Deno.test(`the number at a.b in ${text} is ${expected}`, () => {
    equal(numberAt(JSON.parse(text), "a.b"), expected);
  });
}

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
    const states = await watcher.untilDistinct(state, 3);
    const readings = states.slice(0, 3).map((text) => JSON.parse(text));
    deepEqual(readings.map(({ value }) => value), ["", "123.516", "123.576"]);
    equal(readings[2].pre, "123.516");
    equal(readings[2].rate_per_time_unit, "0.7200");
    app.child.kill("SIGKILL");
    equal((await watcher.until(availability, 2)).at(-1), "offline");
    const { components } = JSON.parse(watcher.on(config)[0]);
    deepEqual(Object.keys(components), [
      "value",
      "rate",
      "raw",
      "error",
      "problem",
    ]);
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
    await broker.subscribed("office/air");
    await watcher.send(
      "office/air",
      JSON.stringify({
        temperature: 22.1,
        humidity: 27,
        illuminance: 440,
        co2: 800,
      }),
    );
    const [first] = await watcher.until(state, 1);
    const { timestamp, ...told } = JSON.parse(first);
    deepEqual(told, { occupied: true, minutesOccupied: 1, minutes: [true] });
    ok(Date.now() - Date.parse(timestamp) < 3_600_000);
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
  const port = await freePort();
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
    subscribed: () => Promise.reject(new Error("not told by mosquitto")),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await reading;
      await Deno.remove(file);
    },
  };
}
