/** What labels of a sealed model tell a client that cheats, and how many could tell all. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { labelsNeeded } from "../../attack/measure/labels_needed.ts";
import { attackSealed } from "../../attack/sealed/mod.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { tinyModel } from "../reference/tiny_models.ts";

Deno.test("score differences and columns of the last layer are read from labels, no more than a label's bits each", async () => {
  const model = tinyModel(21, [1, 6, 6], [
    { kind: "convolution", channels: 3, kernel: [3, 3], pool: "sum" },
    { kind: "dense", length: 8 },
    { kind: "dense", length: 5, weightLimit: 15 },
  ]);
  const { findings, needed } = await attackSealed(model, 2);
  for (const { attack, found, right, bits, labels } of findings) {
    equal(right, found, attack);
    ok(found >= 4);
    ok(bits / labels <= Math.log2(5), `${attack}: ${bits} of ${labels}`);
  }
  const { all, lastLayer } = needed;
  ok(lastLayer.weightBits < all.weightBits);
  equal(all.assumed, Math.ceil(1.4 * all.least));
});

Deno.test("computes the labels that could hold the zoo's weights", async () => {
  const needed = async (name: string) => {
    const model = await readPackage(`models/zoo/${name}/package`);
    const last = model.manifest.rounds.length - 1;
    return [labelsNeeded(model).least, labelsNeeded(model, [last]).least];
  };
  deepEqual(
    [await needed("occupancy"), await needed("appliance")],
    [[1020, 60], [22678, 906]],
  );
});
