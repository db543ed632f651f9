/**
 * A contract from a package equals the contract of every plan made of it.
 *
 * @module
 */
import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { ModelPackage } from "../../../models/package/format.ts";
import { readPackage } from "../../../models/package/read_package.ts";
import { contractOfManifest } from "../../../models/protections/contract.ts";
import { PreparedModels } from "../../../functions/rounds/prepared_model.ts";
import { contractDigest, contractOfPlan } from "../../../sdk/wire/contract.ts";
import { tinyLeNet } from "../../reference/tiny_models.ts";

const zoo = fileURLToPath(new URL("../../../models/zoo/", import.meta.url));
/** Every model of the zoo. */
const names = [
  "occupancy",
  "appliance",
  "meter-digits",
  "lenet-mnist",
  "resnet20-cifar10",
];
const profiles = [
  { privacy: "paper", reveal: "label" },
  { privacy: "standard", reveal: "label" },
  { privacy: "strict", reveal: "label" },
  { privacy: "standard", reveal: "scores" },
] as const;

function withProfile(
  { manifest, tensors }: ModelPackage,
  profile: typeof profiles[number],
): ModelPackage {
  return { manifest: { ...manifest, ...profile }, tensors };
}

for (const name of names) {
  Deno.test(`the contract of ${name} is that of its plans for every profile, key length, batch and sealing key`, async () => {
    const original = await readPackage(`${zoo}${name}/package`);
    for (const profile of profiles) {
      const model = withProfile(original, profile);
      const expected = contractOfManifest(model.manifest);
      for (const [modulusBits, samples, byte] of [[2048, 1, 1], [3072, 2, 2]]) {
        if (profile.privacy === "strict" && samples > 1) continue;
        const sealingKey = new Uint8Array(32).fill(byte);
        const { plan } = await new PreparedModels(sealingKey)
          .get(model, { modulusBits, samples });
        deepEqual(contractOfPlan(plan), expected);
        equal(
          contractDigest(contractOfPlan(plan)),
          contractDigest(expected),
        );
      }
    }
  });
}

Deno.test("a contract changes with the range of readings, a label, a step or the profile", () => {
  const model = tinyLeNet();
  const digest = (manifest: Partial<ModelPackage["manifest"]>) =>
    contractDigest(contractOfManifest({ ...model.manifest, ...manifest }));
  const { inputs: [input], outputs: [output], rounds, reveal } = model.manifest;
  const original = digest({});
  match(original, /^sha256:[0-9a-f]{64}$/);
  const [first, ...rest] = rounds;
  for (
    const change of [
      { inputs: [{ ...input, high: input.high - 1 }] },
      { inputs: [{ ...input, scale: [1 / 8] }] },
      { inputs: [{ ...input, units: ["lx"] }] },
      { inputs: [{ ...input, name: "light" }] },
      { outputs: [{ ...output, scale: [1 / 8] }] },
      { outputs: [{ ...output, labels: ["a", "b", "c", "d"] }] },
      { rounds: [{ ...first, steps: first.steps.slice(1) }, ...rest] },
      { reveal: reveal === "label" ? "scores" : "label" } as const,
    ]
  ) notEqual(digest(change), original);
});
