/**
 * `cipherlayer leakage`: what an inference could tell the cloud and the gateway.
 *
 * @module
 */
import { Command } from "commander";
import {
  type LeakageReport,
  leakageReport,
} from "../../sdk/session/leakage.ts";
import type { InferencePlan } from "../../sdk/wire/plan.ts";
import { platformRandom } from "../../sdk/support/random.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { planInference } from "../../models/planner/plan.ts";
import { planSealed } from "../../models/planner/sealed.ts";
import { guardModel } from "../../models/protections/guard_model.ts";
import { protectionsOf } from "../../models/protections/profile.ts";
import { print, wholeNumber } from "./command.ts";
import { keyMark } from "./encrypted.ts";
import { openPackage, packageArgument } from "./model_argument.ts";
import { table } from "../output/table.ts";

/** What `leakage --json` prints. */
export interface ModelLeakage extends LeakageReport {
  model: string;
  version: string;
  reveal: string;
  privacy: string;
  keyBits: number;
  samples: number;
  /** Weights and biases of the package, and the bits that hold them. */
  weights: { count: number; bits: number };
}

/** `cipherlayer leakage`: bounds from the plan, before anything is served. */
export function leakageCommand(): Command {
  return new Command("leakage")
    .summary("bound what an inference tells whom")
    .description(
      "Prints what cloud and gateway could learn of one inference with a package, in bits and words, computed from its plan. Bounds for every attacker; what attacks really recover is a matter of measurement.",
    )
    .argument("<package>", packageArgument)
    .option("--key-bits <n>", "bits of the key", wholeNumber(512), 2048)
    .option("--samples <n>", "samples per inference", wholeNumber(1), 1)
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExample:\n  cipherlayer leakage package")
    .action(async (
      folder: string,
      options: { keyBits: number; samples: number; json?: boolean },
    ) => {
      const report = modelLeakage(await openPackage(folder), options);
      print(options.json ?? false, report, () => formatLeakage(report));
    });
}

/** The leakage of one inference with `model` as the functions would serve it. */
export function modelLeakage(
  model: ModelPackage,
  { keyBits, samples }: { keyBits: number; samples: number },
): ModelLeakage {
  const { name, version, reveal, privacy } = model.manifest;
  const size = { modulusBits: keyBits, samples };
  const plan = privacy === "sealed"
    ? planSealed(model, size)
    : planGuarded(model, size);
  return {
    model: name,
    version,
    reveal,
    privacy,
    keyBits,
    samples,
    weights: countWeights(model),
    ...leakageReport(plan, keyBits),
  };
}

/** The plan of an open model, under the protections that its owner chose. */
function planGuarded(
  model: ModelPackage,
  size: { modulusBits: number; samples: number },
): InferencePlan {
  // Which decoys are drawn does not change how many there are, nor the plan.
  const guarded = guardModel(
    model,
    protectionsOf(model.manifest),
    platformRandom,
  );
  const { manifest, tensors } = guarded.model;
  return planInference(manifest, { ...size, tensors });
}

function countWeights({ tensors }: ModelPackage): ModelLeakage["weights"] {
  let count = 0, bits = 0;
  for (const { data } of tensors.values()) {
    const largest = data.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
    count += data.length;
    bits += data.length * (1 + Math.ceil(Math.log2(largest + 1)));
  }
  return { count, bits };
}

function formatLeakage(report: ModelLeakage): string {
  const { cloud, gateway, weights } = report;
  const rows = gateway.rounds.map((round, index) => [
    index + 1,
    round.answers,
    round.boundBits,
    round.equations,
    round.outputs,
    round.weightsPerOutput,
    round.inferencesToSolve,
  ]);
  const header = [
    "round",
    "answers",
    "most bits",
    "equations",
    "outputs",
    "weights each, at most",
    "inferences to as many equations, at most",
  ];
  return [
    `${report.model} ${report.version}, ${report.keyBits}-bit key, samples per inference: ${report.samples}, reveals ${report.reveal}, privacy ${report.privacy}${
      keyMark(report.keyBits)
    }`,
    "",
    `the cloud learns ${cloud.bits} bits of readings and answers:`,
    ...cloud.learns.map((line) => `- ${line}`),
    "",
    `the gateway learns the answer (at most ${
      gateway.answerBits.toFixed(1)
    } bits) and could learn at most ${gateway.boundBits} bits of the model, whose ${weights.count} weights are ${weights.bits} bits:`,
    ...report.privacy === "sealed"
      ? gateway.learns.map((line) => `- ${line}`)
      : [
        ...gateway.learns.slice(0, 2).map((line) => `- ${line}`),
        "",
        table(header, rows),
        "",
        "Bounds for every attacker. Order that changes and disturbance slow one that follows the protocol's form; they do not lower these numbers.",
      ],
  ].join("\n");
}
