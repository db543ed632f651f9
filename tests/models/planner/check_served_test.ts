/** What gateways would refuse is refused to the owner, and nothing else is. */
import { rejects } from "node:assert/strict";
import type { ModelPackage } from "../../../models/package/format.ts";
import { readPackage } from "../../../models/package/read_package.ts";
import { verifyPackage } from "../../../models/package/verify.ts";
import { zooFolder } from "../../../models/package/zoo.ts";
import { checkServed } from "../../../models/planner/check_served.ts";
import {
  tinyDense,
  tinyLeNet,
  tinyResidual,
  tinySignal,
} from "../../reference/tiny_models.ts";
import { model as sealed } from "../../support/sealed_session.ts";

/** Another manifest, of which the package's own checks find nothing wrong. */
function withManifest(
  model: ModelPackage,
  change: (manifest: ModelPackage["manifest"]) => void,
): ModelPackage {
  const changed = { ...model, manifest: structuredClone(model.manifest) };
  change(changed.manifest);
  verifyPackage(changed);
  return changed;
}

Deno.test("models of every kind pass: of the zoo, residual, one-dimensional, sealed", async () => {
  const models = [
    tinyDense(),
    tinyLeNet(),
    tinyResidual(),
    tinySignal(),
    sealed,
  ];
  for (const name of ["occupancy", "appliance"]) {
    models.push(await readPackage(`${zooFolder}/${name}/package`));
  }
  for (const model of models) await checkServed(model);
});

Deno.test("a package that is sound, and that gateways would refuse, is refused with their reason", async () => {
  const refused = (
    change: (manifest: ModelPackage["manifest"]) => void,
    reason: RegExp,
  ) =>
    rejects(checkServed(withManifest(tinyDense(), change)), {
      code: "malformed",
      message: reason,
    });
  await refused(
    (manifest) => manifest.name = "two words",
    /gateways would refuse it: expected a name and version of at most/,
  );
  // Wider than any slot.
  await refused(
    ({ rounds }) => rounds[rounds.length - 1].bound = 1.5 * 2 ** 52,
    /gateways would refuse it: Cannot plan round/,
  );
  // Gateways take texts without control characters, and so another contract.
  await refused(
    (manifest) => manifest.inputs[0].units = ["\u0007"],
    /gateways would refuse it: expected contract sha256:/,
  );
});

Deno.test("a model that fits no key that gateways have, or not the one asked for, is refused", async () => {
  await rejects(checkServed(tinyDense(), { modulusBits: 16 }), {
    code: "malformed",
  });
});
