import { deepEqual, equal } from "node:assert/strict";
import { plugReports } from "../../examples/appliance/main.ts";
import { Notices } from "../../examples/smart_home/notices.ts";
import {
  powerMeans,
  slidingWindows,
  toReading,
  windowLength,
} from "../../examples/appliance/power_window.ts";
import {
  cloudWith,
  insecureKey,
  isMissing,
  jsonLines,
  runApp,
} from "../support/apps.ts";

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

Deno.test("means of 15 seconds: a power holds until the next report", async () => {
  const means = await collect(powerMeans([
    { atMs: 0, watts: 30 },
    { atMs: 5_000, watts: 90 },
    { atMs: 40_000, watts: 0 },
    { atMs: 45_000, watts: 7 },
    // The plug was away, and its clock then set back.
    { atMs: 3_600_000, watts: 1 },
    { atMs: 100_000, watts: 2 },
    { atMs: 115_000, watts: 0 },
  ]));
  deepEqual(means, [70, 90, 60, null, null, 2]);
});

Deno.test("hours slide, and begin again after a gap", async () => {
  async function* means() {
    for (let i = 0; i < windowLength + 25; i++) yield i;
    yield null;
    for (let i = 0; i < windowLength; i++) yield 1000 + i;
  }
  const windows = await collect(slidingWindows(means(), 10));
  deepEqual(windows.map((window) => window[0]), [0, 10, 20, 1000]);
  deepEqual([...new Set(windows.map((window) => window.length))], [240]);
});

Deno.test("reports a plug that hangs or gives no number once; one without a load may hang", async () => {
  const hour = 3_600_000;
  const notices = new Notices();
  let problems: string[] = [];
  notices.onChange = (now) => problems = now;
  async function* messages(value: unknown) {
    for (let i = 0; i < 26; i++) yield { atMs: i * hour, value };
  }
  const seen = async (power: unknown) => {
    const reports = plugReports(messages({ power }), "power", notices);
    const watts = await Array.fromAsync(reports, ({ watts }) => watts);
    return [watts.length, problems.join()];
  };
  deepEqual(await seen(0), [26, ""]);
  deepEqual(await seen("unavailable"), [
    0,
    `No number at "power" in {"power":"unavailable"}: --field says where the power is`,
  ]);
  deepEqual(await seen(6.5), [
    26,
    `"power" has been 6.5 for a day: does the sensor hang?`,
  ]);
});

Deno.test("power enters as logarithms in [0, 1]", () => {
  deepEqual(toReading([0, 3000, 9000, -1]), [0, 1, 1, 0]);
});

Deno.test({
  name:
    "appliance --simulate: each made-up appliance is named; an idle plug is off",
  ignore: isMissing("appliance"),
  fn: async () => {
    await using cloud = await cloudWith("appliance");
    const run = async (args: string[]) => {
      const { code, stdout, stderr } = await runApp("appliance", [
        ...args,
        "--every-minutes",
        "60",
        "--json",
        "--url",
        cloud.url,
        ...insecureKey,
      ]);
      equal(code, 0, stderr);
      return jsonLines<{ appliance: string; meanWatts: number }>(stdout);
    };
    const states = await run(["--simulate"]);
    deepEqual([...new Set(states.map(({ appliance }) => appliance))], [
      "Refrigerator",
      "WaterKettle",
      "Router",
    ]);

    const before = cloud.calls.length;
    const file = await Deno.makeTempFile({ suffix: ".csv" });
    try {
      const rows = Array.from({ length: 62 }, (_, i) => `${60 * i},0.2`);
      await Deno.writeTextFile(file, `time,watts\n${rows.join("\n")}\n`);
      const [{ appliance, meanWatts }, ...more] = await run(["--csv", file]);
      deepEqual([appliance, meanWatts, more], ["off", 0.2, []]);
      // The cloud cannot tell: it was asked all the same.
      equal(cloud.calls.length > before + 1, true);
    } finally {
      await Deno.remove(file);
    }
  },
});
