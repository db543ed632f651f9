import { deepEqual, equal, match } from "node:assert/strict";
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

Deno.test("one row a minute, from sensors that report apart", async () => {
  async function* messages() {
    yield { atMs: 0, value: { air: { t: 20, h: 30 } } };
    yield { atMs: 1000, value: { lux: 5 } };
    yield { atMs: 2000, value: { co2: 500, lux: "dark" } };
    yield { atMs: 30_000, value: { co2: 600 } };
    yield { atMs: 62_000, value: { air: { t: 21 } } };
  }
  const rows = [];
  const fields = ["air.t", "air.h", "lux", "co2"];
  for await (const row of rowsOfMessages(messages(), fields)) {
    rows.push(sensors.map((name) => row[name]));
  }
  deepEqual(rows, [[20, 30, 5, 500], [21, 30, 5, 600]]);
});

Deno.test({
  name: "occupancy --simulate: whole batches, minute by minute right",
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
  name: "occupancy --csv: columns by name; faults name the line",
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
      equal(bad.code, 2);
      match(bad.stderr, /expected a number for light in line 3, got ""/);
    } finally {
      await Deno.remove(file);
    }
  },
});
