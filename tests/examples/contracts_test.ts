/** The contracts that apps pin are those of the models that come with the project. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { contracts } from "../../examples/contracts.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { manifestContract } from "../../models/protections/contract.ts";

const root = new URL("../../", import.meta.url);

Deno.test("apps pin the contracts of the zoo", async () => {
  const found: Record<string, string> = {};
  for (const name of Object.keys(contracts)) {
    const folder = new URL(`models/zoo/${name}/package`, root);
    const { manifest } = await readPackage(fileURLToPath(folder));
    found[name] = manifestContract(manifest);
  }
  deepEqual(contracts, found);
});

Deno.test("quickstart and READMEs pin the same contract", async () => {
  for (
    const path of ["examples/01_quickstart.ts", "README.md", "sdk/README.md"]
  ) {
    const text = await Deno.readTextFile(new URL(path, root));
    const pinned = text.match(/sha256:[0-9a-f]{64}/g);
    ok(pinned, path);
    for (const contract of pinned) equal(contract, contracts["lenet-mnist"]);
  }
});

for (const model of ["occupancy", "appliance"] as const) {
  Deno.test(`the Node-RED flow of ${model} pins its contract`, async () => {
    const flow = await Deno.readTextFile(
      new URL(`examples/node_red/examples/${model}.json`, root),
    );
    const pinned = flow.match(/sha256:[0-9a-f]{64}/g);
    deepEqual(pinned, [contracts[model]]);
  });
}
