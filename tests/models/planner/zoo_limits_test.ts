/** Every model of the zoo keeps to what a gateway lends a plan, at its largest batch. */
import { ok } from "node:assert/strict";
import { readPackage } from "../../../models/package/read_package.ts";
import { maxSamples, planInference } from "../../../models/planner/plan.ts";
import { guardModel } from "../../../models/protections/guard_model.ts";
import { protectionsOf } from "../../../models/protections/profile.ts";
import { checkPlan } from "../../../sdk/session/check_plan.ts";

const modulusBits = 2048;

for (
  const name of [
    "appliance",
    "lenet-mnist",
    "meter-digits",
    "occupancy",
    "resnet20-cifar10",
  ]
) {
  Deno.test(`${name} passes a gateway's check of plans at its largest batch`, async () => {
    const model = await readPackage(`models/zoo/${name}/package`);
    const random = (length: number) => new Uint8Array(length);
    const guarded = guardModel(model, protectionsOf(model.manifest), random);
    const { manifest } = guarded.model;
    const samples = maxSamples(manifest, modulusBits);
    ok(samples >= 1);
    const plan = planInference(manifest, { modulusBits, samples });
    checkPlan(plan, { samples, modulusBits });
  });
}
