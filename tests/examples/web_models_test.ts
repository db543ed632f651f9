import assert from "node:assert/strict";
import { sealManifest } from "../../examples/web/models.ts";
import {
  sealedContract,
  sealedModel,
} from "../../examples/web/sealed_model.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { manifestContract } from "../../models/protections/contract.ts";

Deno.test("the page pins the contract of the network that it seals", async () => {
  const { manifest } = await readPackage("models/zoo/lenet-mnist/package");
  const sealed = sealManifest(manifest);
  assert.equal(sealed.name, sealedModel);
  assert.equal(manifestContract(sealed), sealedContract);
  assert.notEqual(manifestContract(manifest), sealedContract);
});
