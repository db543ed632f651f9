/** What labels of a sealed model tell a client that cheats, and how many could tell all. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { labelsNeeded } from "../../attack/measure/labels_needed.ts";
import { attacks } from "../../attack/mod.ts";
import { commonest } from "../../attack/sealed/noise_places.ts";
import { attackSealed } from "../../attack/sealed/mod.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { seededBytes } from "../transfer/kernels.ts";
import { tinyModel } from "../reference/tiny_models.ts";

Deno.test("score differences and columns of the last layer are read from labels, no more than a label's bits each", async () => {
  const model = tinyModel(21, [1, 6, 6], [
    { kind: "convolution", channels: 3, kernel: [3, 3], pool: "sum" },
    { kind: "dense", length: 8 },
    { kind: "dense", length: 5, weightLimit: 15 },
  ]);
  const report = await attackSealed(model, 2, attacks);
  const { findings, needed } = report;
  deepEqual(
    findings.map(({ attack }) => attack),
    ["score differences", "shifted inputs", "inner layer"],
  );
  for (const { attack, found, right, bits, labels } of findings) {
    equal(right, found, attack);
    ok(found >= 2);
    ok(bits / labels <= Math.log2(5), `${attack}: ${bits} of ${labels}`);
  }
  deepEqual(report.games.filter(({ refusal }) => refusal === null), []);
  ok(report.games.length >= 16);
  equal(report.open.length, attacks.size);
  deepEqual(report.open.filter(({ bitsReceived }) => bitsReceived > 0), []);
  equal(report.tables.commonest, 1);
  deepEqual(report.cheats.filter(({ differs }) => differs), []);
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

Deno.test("a difference that comes again is seen, wherever it stands", () => {
  const random = seededBytes(3);
  const first = random(400), second = random(400), delta = random(16);
  for (const at of [1, 130, 300]) {
    for (let i = 0; i < 16; i++) {
      const place = at + 16 * (i >> 2) + (i & 3);
      second[place] = first[place] ^ delta[i];
    }
  }
  equal(commonest([first, second]), 3);
  equal(commonest([first, random(400)]), 1);
});
