/** What the apps tell Home Assistant, against its own tables. */
import { deepEqual, equal, ok } from "node:assert/strict";
import * as appliance from "../../examples/appliance/main.ts";
import * as occupancy from "../../examples/occupancy/main.ts";
import * as waterMeter from "../../examples/water_meter/main.ts";
import {
  type DeviceDescription,
  discovery,
} from "../../examples/smart_home/mqtt_device.ts";
import tables from "../vectors/home_assistant_units.json" with { type: "json" };

const meter = (unit: string) =>
  waterMeter.describe("meter", {
    name: "Meter",
    unit,
    digits: [],
    decimals: 3,
    maxPerHour: 3,
    reference: null,
  }, 300);

const waterUnits = tables.sensor.water.units;
const devices: Record<string, DeviceDescription> = {
  ...Object.fromEntries(
    [...waterUnits, "m3", "l", "kWh"].map((unit) => [unit, meter(unit)]),
  ),
  occupancy: occupancy.describe("room", 5),
  appliance: appliance.describe("plug", 5, ["Kettle"]),
  "appliance before its plan": appliance.describe("plug", 5, null),
};

for (const [name, device] of Object.entries(devices)) {
  Deno.test(`Home Assistant takes every entity: ${name}`, () => {
    const { components, origin } = discovery(device);
    ok(origin.name !== "" && /^\d+\.\d+\.\d+/.test(origin.sw_version));
    const ids = Object.values(components).map(({ unique_id }) => unique_id);
    equal(new Set(ids).size, ids.length);
    const entities = Object.entries(device.components);
    for (const [key, component] of entities) {
      const { platform, device_class, state_class, unit_of_measurement } =
        component;
      if (device_class === undefined) continue;
      if (platform === "binary_sensor") {
        ok(tables.binary_sensor.includes(device_class), key);
        continue;
      }
      const known = tables.sensor[device_class as keyof typeof tables.sensor];
      ok(known, `${key}: ${device_class}`);
      const units: string[] = known.units,
        states: string[] = known.stateClasses;
      ok(
        units.length === 0
          ? unit_of_measurement === undefined
          : units.includes(unit_of_measurement!),
        `${key}: ${unit_of_measurement}`,
      );
      ok(
        state_class === undefined || states.includes(state_class),
        `${key}: ${state_class}`,
      );
    }
    equal(components.problem.device_class, "problem");
    // The problem stays visible when the values no longer come.
    ok(!("expire_after" in components.problem));
    ok(
      entities.every(([key]) =>
        (components as Record<string, { expire_after?: number }>)[key]
          .expire_after! >= 60
      ),
    );
  });
}

Deno.test("a unit that Home Assistant does not take for water gives no class", () => {
  deepEqual(
    [...waterUnits, "m3", "l", "kWh"].map((unit) =>
      meter(unit).components.value.device_class
    ),
    [...waterUnits.map(() => "water"), undefined, undefined, undefined],
  );
});
