/**
 * Round trips of whatever a model may take and give: through its package, through its
 * plan, and the same contract from both.
 *
 * @module
 */
import { deepEqual, equal, notEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  decodePackage,
  encodePackage,
} from "../../../models/package/package_bytes.ts";
import type { Manifest, ModelPackage } from "../../../models/package/format.ts";
import { verifyPackage } from "../../../models/package/verify.ts";
import { planInference } from "../../../models/planner/plan.ts";
import {
  contractOfManifest,
  manifestContract,
} from "../../../models/protections/contract.ts";
import { guardModel } from "../../../models/protections/guard_model.ts";
import { protectionsOf } from "../../../models/protections/profile.ts";
import {
  decodeSessionResponse,
  encodeSessionResponse,
} from "../../../sdk/wire/codec.ts";
import { contractDigest, contractOfPlan } from "../../../sdk/wire/contract.ts";
import type { ModelInterface, ValuesSpec } from "../../../sdk/wire/values.ts";
import { tinyDense } from "../../reference/tiny_models.ts";

const text = fc.string({ maxLength: 20 }).map((raw) =>
  // What a printer may print; other characters become spaces on the way.
  raw.replace(/[^ -~äΩ°]/g, "") || "x"
);
const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const scale = fc.double({ min: 1e-9, max: 1e6, noNaN: true });

/** A spec with a scale, label or unit for all, or for each of its elements. */
function described<T extends ValuesSpec>(spec: T): fc.Arbitrary<T> {
  const length = spec.shape.reduce((a, b) => a * b, 1);
  const lists = <V>(of: fc.Arbitrary<V>, count: number) =>
    fc.array(of, { minLength: count, maxLength: count });
  return fc.constantFrom(1, length).chain((blocks) =>
    fc.record({
      name: text,
      labels: fc.option(
        fc.uniqueArray(text, { minLength: length, maxLength: length }),
      ),
      units: fc.option(fc.oneof(lists(text, 1), lists(text, length))),
      scale: lists(scale, blocks),
      offset: lists(number, blocks),
    }).map((members) => ({ ...spec, ...members }))
  );
}

/** `tinyDense`, its values described in any way; a second input may be a state. */
const models: fc.Arbitrary<ModelPackage> = fc.record({
  input: described(tinyDense().manifest.inputs[0]),
  output: described(tinyDense().manifest.outputs[0]),
  state: fc.boolean(),
}).map(({ input, output, state }) => {
  const model = tinyDense();
  const name = `${input.name}.`;
  const manifest: Manifest = {
    ...model.manifest,
    inputs: [
      input,
      ...state
        ? [{
          ...input,
          name,
          shape: [3],
          labels: null,
          units: null,
          scale: [1],
          offset: [0],
        }]
        : [],
    ],
    outputs: [output],
    states: state ? [{ input: name, output: output.name }] : [],
    rounds: model.manifest.rounds.map((round) => ({
      ...round,
      terms: round.terms.map((term) =>
        term.reads === "input" ? { ...term, reads: input.name } : term
      ),
    })),
  };
  return { manifest, tensors: model.tensors };
}).filter(({ manifest: { inputs, rounds } }) =>
  !rounds.some(({ writes }) => inputs.some(({ name }) => name === writes))
);

Deno.test("any interface survives package and plan, and both have one contract", () => {
  fc.assert(
    fc.property(models, (model) => {
      verifyPackage(model);
      const stored = decodePackage(encodePackage(model));
      deepEqual({ ...stored.manifest, files: {} }, model.manifest);
      deepEqual(encodePackage(stored), encodePackage(model));
      const { model: guarded } = guardModel(
        stored,
        protectionsOf(stored.manifest),
        (length) => new Uint8Array(length).fill(3),
      );
      const plan = planInference(guarded.manifest, {
        modulusBits: 512,
        samples: 1,
      });
      const sent = decodeSessionResponse(encodeSessionResponse({
        model: "m",
        version: "1",
        token: new Uint8Array(),
        expiresAt: 0,
        plan,
      }));
      deepEqual(sent.plan, plan);
      deepEqual(contractOfPlan(sent.plan), contractOfManifest(model.manifest));
      equal(
        contractDigest(contractOfPlan(sent.plan)),
        manifestContract(stored.manifest),
      );
    }),
    { numRuns: 60 },
  );
});

Deno.test("a contract tells every member of an interface from another value of it", () => {
  const { manifest } = tinyDense();
  const [input] = manifest.inputs, [output] = manifest.outputs;
  const changes: Partial<ModelInterface>[] = [
    ...Object.entries({
      name: "other",
      labels: Array(9).fill("x"),
      units: ["Pa"],
      scale: [.5],
      offset: [1],
      low: -7,
      high: 30,
    }).map(([member, value]) => ({ inputs: [{ ...input, [member]: value }] })),
    ...Object.entries({
      name: "other",
      labels: ["a", "b", "c"],
      units: ["Pa"],
      scale: [.5],
      offset: [1],
      tail: "softmax",
    }).map(([member, value]) => ({
      outputs: [{ ...output, [member]: value }],
    })) as Partial<ModelInterface>[],
  ];
  const digests = changes.map((change) =>
    manifestContract({ ...manifest, ...change })
  );
  digests.push(manifestContract(manifest));
  equal(new Set(digests).size, digests.length);
  // What a gateway is not told, or does not rely on, changes nothing.
  const [round, ...rounds] = manifest.rounds;
  equal(
    manifestContract({ ...manifest, version: "2", provenance: { a: 1 } }),
    manifestContract(manifest),
  );
  notEqual(
    manifestContract({
      ...manifest,
      rounds: [{ ...round, steps: round.steps.slice(1) }, ...rounds],
    }),
    manifestContract(manifest),
  );
});

Deno.test("interfaces that contradict themselves are refused", () => {
  const cases: [(manifest: Manifest) => void, RegExp][] = [
    [({ inputs }) => inputs.pop(), /expected an input, got none/],
    [({ outputs }) => outputs.pop(), /expected an output, got none/],
    [({ inputs }) => inputs.push(inputs[0]), /"input" twice/],
    [({ outputs }) => outputs.push(outputs[0]), /"scores" twice/],
    [
      ({ outputs }) => outputs[0].labels = ["no", "yes"],
      /output "scores" of shape \[3\] to have 3 labels, units or scales, got 2/,
    ],
    [({ inputs }) => inputs[0].scale = [0], /a scale other than zero/],
    [({ inputs }) => inputs[0].offset = [], /got 0/],
    [({ outputs }) => outputs[0].start = 1, /from 1 on within 3 elements/],
    [
      ({ outputs }) => outputs[0].tensor = "input",
      /to be part of an activation, got "input"/,
    ],
    [
      (manifest) => manifest.powerOfTwo = !manifest.powerOfTwo,
      /expected powerOfTwo to be/,
    ],
    [
      (manifest) => manifest.states = [{ input: "input", output: "scores" }],
      /state "input" of shape \[9\], got "scores" of \[3\]/,
    ],
  ];
  for (const [change, message] of cases) {
    const { manifest, tensors } = tinyDense();
    const copy = structuredClone(manifest);
    change(copy);
    throws(() => verifyPackage({ manifest: copy, tensors }), message);
  }
});
