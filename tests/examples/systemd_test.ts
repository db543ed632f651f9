import { equal, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { deviceTopics } from "../../examples/smart_home/mqtt_device.ts";
import { cloudWith, isMissing } from "../support/apps.ts";
import { startBroker, Watcher } from "../support/broker.ts";

const root = fileURLToPath(new URL("../../", import.meta.url)).slice(0, -1);
const folder = "examples/smart_home/systemd";
const apps = ["water_meter", "appliance", "occupancy"] as const;

/** The command of a unit, word by word. */
async function commandOf(app: string): Promise<string[]> {
  const unit = await Deno.readTextFile(`${folder}/cipherlayer-${app}.service`);
  const command = /^ExecStart=((?:.*\\\n)*.*)$/m.exec(unit)![1];
  return command.replaceAll("\\\n", " ").trim().split(/\s+/);
}

Deno.test("the units give each app the same permissions, of its own folder", async () => {
  const commands = await Promise.all(apps.map(commandOf));
  const [first, ...others] = commands.map((words, i) =>
    words.filter((word) => word.startsWith("--allow")).join(" ")
      .replaceAll(apps[i], "APP")
  );
  for (const other of others) equal(other, first);
  ok(!/--allow-(run|ffi|all|import)|(^| )-A( |$)/.test(first), first);
  // By which small machines are noticed, and nothing else of the system.
  match(first, /--allow-sys=systemMemoryInfo( |$)/);
  match(first, /--allow-write=\/var\/lib\/cipherlayer-APP( |$)/);
});

Deno.test({
  name: "an app runs with the permissions of its unit, and keeps key and queue",
  ignore: isMissing("occupancy"),
  fn: async () => {
    const data = await Deno.makeTempDir();
    try {
      await using broker = await startBroker();
      await using watcher = await Watcher.connect(broker.url);
      await using cloud = await cloudWith("occupancy");
      const settings: Record<string, string> = {
        "${FUNCTIONS}": cloud.url,
        "${BROKER}": broker.url,
        "${TOPIC}": "office",
        "/opt/cipherlayer": root,
        "/etc/cipherlayer": `${data}/etc`,
        "/var/lib/cipherlayer-occupancy": `${data}/lib`,
      };
      await Deno.mkdir(`${data}/lib`);
      const [, ...words] = (await commandOf("occupancy")).map((word) =>
        Object.entries(settings).reduce(
          (text, [from, to]) => text.replaceAll(from, to),
          word,
        )
      );
      const child = new Deno.Command(Deno.execPath(), {
        args: [...words, "--batch", "1", "--count", "1"],
        cwd: root,
        env: { CIPHERLAYER_PASSPHRASE: "a passphrase", NO_COLOR: "1" },
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const output = child.output();
      await Promise.race([broker.subscribed("office"), output]);
      const air = { temperature: 22, humidity: 27, illuminance: 440, co2: 800 };
      await watcher.send("office", JSON.stringify(air));
      const { code, stderr } = await output;
      equal(code, 0, new TextDecoder().decode(stderr));
      const [state] = await watcher.until(deviceTopics("occupancy").state, 1);
      equal(JSON.parse(state).occupied, true);
      const kept = [...Deno.readDirSync(`${data}/lib`)].map(({ name }) => name);
      ok(kept.includes("gateway.key") && kept.includes("queue"), `${kept}`);
    } finally {
      await Deno.remove(data, { recursive: true });
    }
  },
});
