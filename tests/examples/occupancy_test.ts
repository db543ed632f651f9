import { deepEqual, equal, match } from "node:assert/strict";
import { Notices } from "../../examples/smart_home/notices.ts";
import { simulatedRoom } from "../../examples/occupancy/room.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { quantise } from "../../sdk/fixed_point/quantise.ts";
import {
  rowsOfMessages,
  type SensorRow,
  sensors,
  toReading,
} from "../../examples/occupancy/sensors.ts";
import {
  cloudWith,
  insecureKey,
  isMissing,
  jsonLines,
  runApp,
} from "../support/apps.ts";

Deno.test({
  name: "sensors go to the model in their own units, by name, and saturate",
  ignore: isMissing("occupancy"),
  fn: async () => {
    const { manifest } = await readPackage("models/zoo/occupancy/package");
    const integers = (
      row: SensorRow,
    ) => [...quantise(toReading(row), manifest, { clamp: true })];
    deepEqual(
      integers({ co2: 1200, light: 500, temperature: 22.5, humidity: 20 }),
      [128, 64, 128, 128],
    );
    deepEqual(
      integers({ co2: 9000, light: -1, temperature: 0, humidity: 99 }),
      [0, 255, 0, 255],
    );
  },
});

const fields = ["air.t", "air.h", "lux", "co2"];

/** Rows of messages at times in milliseconds, and what is wrong after each. */
async function rowsFrom(messages: [atMs: number, value: unknown][]) {
  const notices = new Notices();
  let problems: string[] = [];
  notices.onChange = (now) => problems = now;
  const rows: number[][] = [], problemsAfter: string[][] = [];
  async function* source() {
    for (const [atMs, value] of messages) {
      yield { atMs, value };
      problemsAfter.push(problems);
    }
  }
  for await (const row of rowsOfMessages(source(), fields, notices)) {
    rows.push(sensors.map((name) => row[name]));
  }
  return { rows, problemsAfter };
}

Deno.test("one row a minute, from sensors that report apart; numbers in text are read", async () => {
  const { rows, problemsAfter } = await rowsFrom([
    [0, { air: { t: "20.0", h: 30 } }],
    [1000, { lux: 5 }],
    [2000, { co2: 500, lux: "dark" }],
    [30_000, { co2: 600 }],
    [62_000, { air: { t: 21 } }],
  ]);
  deepEqual(rows, [[20, 30, 5, 500], [21, 30, 5, 600]]);
  deepEqual(problemsAfter.flat(), []);
});

Deno.test("reports a dead sensor once and drops its last value", async () => {
  const minute = 60_000;
  const { rows, problemsAfter } = await rowsFrom([
    [0, { air: { t: 20, h: 30 }, lux: 5, co2: 500 }],
    [20 * minute, { air: { t: 21, h: 30 }, lux: 5, co2: null }],
    [29 * minute, { air: { t: 22, h: 30 }, lux: 5, co2: "unavailable" }],
    [31 * minute, { air: { t: 23, h: 30 }, lux: 5, co2: null }],
    [32 * minute, { air: { t: 24, h: 30 }, lux: 5, co2: null }],
    [33 * minute, { air: { t: 25, h: 30 }, lux: 5, co2: 900 }],
  ]);
  deepEqual(rows.map((row) => row[0]), [20, 21, 22, 25]);
  deepEqual(problemsAfter.map((all) => all.length), [0, 0, 0, 1, 1, 0]);
  match(problemsAfter[3][0], /^No number at "co2", the co2, for 31 minutes/);
});

Deno.test("reports messages with none of the fields and a sensor that never reports", async () => {
  const { rows, problemsAfter } = await rowsFrom([
    [0, { linkquality: 9 }],
    [60_000, { air: { t: 20, h: 30 }, lux: 5 }],
    [360_000, { air: { t: 20, h: 30 }, lux: 5 }],
  ]);
  deepEqual(rows, []);
  match(
    problemsAfter[0][0],
    /^No number at air.t, air.h, lux, co2 in \{"linkq/,
  );
  deepEqual(problemsAfter[1], []);
  match(problemsAfter[2][0], /^No number at "co2", the co2, for 6 minutes/);
});

Deno.test("reports a hanging sensor once until its value moves; darkness may last", async () => {
  const hour = 3_600_000;
  const { rows, problemsAfter } = await rowsFrom(
    Array.from({ length: 27 }, (_, i) => [
      i * hour,
      { air: { t: 20 + i % 2, h: i < 26 ? 40 : 41 }, lux: 0, co2: 500 + i },
    ]),
  );
  equal(rows.length, 27);
  deepEqual(
    problemsAfter.map((all) => all.length),
    [...Array(24).fill(0), 1, 1, 0],
  );
  match(problemsAfter[25][0], /^"air.h" has been 40 for a day/);
});

Deno.test({
  name: "occupancy --simulate answers whole batches, each minute right",
  ignore: isMissing("occupancy"),
  fn: async () => {
    await using cloud = await cloudWith("occupancy");
    const { code, stdout, stderr } = await runApp("occupancy", [
      "--simulate",
      "--batch",
      "8",
      "--json",
      "--url",
      cloud.url,
      ...insecureKey,
    ]);
    equal(code, 0, stderr);
    const results = jsonLines<{ minutes: boolean[]; occupied: boolean }>(
      stdout,
    );
    deepEqual(results.map(({ minutes }) => minutes.length), [8, 8, 8, 6]);
    const truth = simulatedRoom().map(({ present }) => present);
    deepEqual(results.flatMap(({ minutes }) => minutes), truth);
    equal(results[1].occupied, true);
    // One inference a batch, however many minutes it holds.
    equal(cloud.calls.filter((call) => call.includes("rounds/0")).length, 4);
  },
});

Deno.test({
  name:
    "occupancy --csv finds columns by name, and reports and skips a row that cannot be read",
  ignore: isMissing("occupancy"),
  fn: async () => {
    await using cloud = await cloudWith("occupancy");
    const file = await Deno.makeTempFile({ suffix: ".csv" });
    const run = () =>
      runApp("occupancy", ["--csv", file, "--url", cloud.url, ...insecureKey]);
    try {
      const rows = '"date","CO2","Light","Temperature","Humidity"\n' +
        '"2026-01-01 09:00",820,433,22.4,27.1\n"2026-01-01 23:00",450,0,20.5,26';
      await Deno.writeTextFile(file, rows);
      const good = await run();
      equal(good.code, 0, good.stderr);
      equal(good.stdout, "#.  empty\n");
      await Deno.writeTextFile(file, rows.replace(",0,20.5", ",,20.5"));
      const bad = await run();
      equal(bad.code, 0, bad.stderr);
      equal(bad.stdout, "#  occupied\n");
      match(bad.stderr, /expected a number for light in line 3, got ""; such/);
      match(bad.stderr, /rows left out: 1/);
    } finally {
      await Deno.remove(file);
    }
  },
});
