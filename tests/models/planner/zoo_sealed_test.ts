/** Every sealed package of the zoo: what it is, that it fits, and what it costs. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readPackage } from "../../../models/package/read_package.ts";
import { defaultCosts } from "../../../models/planner/cost_model.ts";
import { planSealed } from "../../../models/planner/sealed.ts";
import { forecastSealed } from "../../../models/planner/sealed_forecast.ts";
import { isPowerOfTwo } from "../../../sdk/garbling/rounds/simplify.ts";
import { checkPlan } from "../../../sdk/session/check_plan.ts";

/** Megabytes that an inference may bring down. */
const maxDown: Record<string, number> = {
  "appliance-sealed": 5.4,
  "lenet-mnist-pool-first-sealed": 3.2,
  "lenet-mnist-sealed": 15.2,
  "meter-digits-pool-first-sealed": 2.3,
  "occupancy-sealed": 0.05,
};
const zoo = new URL("../../../models/zoo/", import.meta.url);
const options = { modulusBits: 2048, samples: 1 };

Deno.test("the zoo's sealed packages are those that are known here", async () => {
  const names = await Array.fromAsync(Deno.readDir(zoo), ({ name }) => name);
  deepEqual(
    names.filter((name) => name.endsWith("-sealed")).sort(),
    Object.keys(maxDown),
  );
});

for (const [name, megabytes] of Object.entries(maxDown)) {
  Deno.test(`${name} scales by shifts, passes a gateway's check, brings down ${megabytes} MB at most`, async () => {
    const model = await readPackage(fileURLToPath(new URL(name, zoo)));
    const { manifest } = model;
    equal(manifest.name, name);
    equal(manifest.privacy, "sealed");
    ok(manifest.outputs[0].labels!.length > 1);
    for (const { steps } of manifest.rounds) {
      for (const step of steps) {
        ok(step.op !== "requantise" || isPowerOfTwo(step.multiplier));
      }
    }
    checkPlan(planSealed(model, options), options);
    const costs = defaultCosts(options.modulusBits);
    const { total } = forecastSealed(model, { ...options, costs });
    ok(total.bytesDown < 1e6 * megabytes, `${total.bytesDown}`);
  });
}
