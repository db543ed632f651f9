import assert from "node:assert/strict";
import { writeModels } from "../../examples/web/models.ts";
import {
  sealedContract,
  sealedModel,
} from "../../examples/web/sealed_model.ts";
import { contracts } from "../../examples/contracts.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { manifestContract } from "../../models/protections/contract.ts";

Deno.test("the page's functions serve the networks whose contracts it pins", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await writeModels(folder);
    for (
      const [name, contract] of [
        ["lenet-mnist", contracts["lenet-mnist"]],
        [sealedModel, sealedContract],
      ]
    ) {
      const { manifest } = await readPackage(`${folder}/${name}/package`);
      assert.equal(manifest.name, name);
      assert.equal(manifestContract(manifest), contract);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
