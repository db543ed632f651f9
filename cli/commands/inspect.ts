import { Command } from "commander";
import { contractOfModel } from "../../models/protections/contract.ts";
import { contractDigest } from "../../sdk/wire/contract.ts";
import type { EdgeStep } from "../../sdk/wire/plan.ts";
import type { Manifest, RoundSpec } from "../../models/package/format.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { print } from "./command.ts";
import { table } from "../output/table.ts";

/** `cipherlayer inspect`: what a package holds. */
export function inspectCommand(): Command {
  return new Command("inspect")
    .summary("show what a package holds")
    .argument("<package>", "folder of the package")
    .option("--json", "print contract and manifest as one JSON object")
    .addHelpText("after", "\nExample:\n  cipherlayer inspect package")
    .action(async (folder: string, options: { json?: boolean }) => {
      const model = await readPackage(folder);
      const { manifest } = model;
      const contract = contractDigest(contractOfModel(model));
      print(
        options.json ?? false,
        { contract, ...manifest },
        () => describe(manifest, contract),
      );
    });
}

function describe(manifest: Manifest, contract: string): string {
  const { name, version, input, output, rounds, provenance } = manifest;
  const header = ["round", "reads", "linear map", "output", "bound", "edge"];
  const rows = rounds.map((round) => [
    round.name,
    round.terms.map(({ reads }) => reads).join(" + "),
    round.terms.map(describeTerm).join(" + "),
    `[${round.outputShape.join(", ")}]`,
    round.bound,
    round.steps.map(describeStep).join(", "),
  ]);
  const origin = Object.entries(provenance)
    .map(([key, value]) => `  ${key}: ${value}`);
  return [
    `${name} ${version}`,
    `contract ${contract}`,
    `input [${
      input.shape.join(", ")
    }]: integers ${input.low} .. ${input.high}, each ${input.scale} from ${input.offset}`,
    `output [${output.shape.join(", ")}]: integers times ${output.scale}${
      output.tail === "none" ? "" : `, then ${output.tail}`
    }${output.labels ? ` (${output.labels.join(", ")})` : ""}`,
    table(header, rows),
    "provenance:",
    ...origin,
  ].join("\n");
}

function describeTerm(term: RoundSpec["terms"][number]): string {
  if (term.kind === "dense") return `dense ${term.length}`;
  const { inputShape, kernel, stride, dilation, groups } = term;
  const parts = [`${kernel.join("x")} convolution of ${inputShape.join("x")}`];
  if (stride.some((step) => step > 1)) parts.push(`stride ${stride.join("x")}`);
  if (dilation.some((step) => step > 1)) {
    parts.push(`dilation ${dilation.join("x")}`);
  }
  if (groups > 1) parts.push(`${groups} groups`);
  return parts.join(", ");
}

function describeStep(step: EdgeStep): string {
  switch (step.op) {
    case "requantise":
      return `requantise to ${step.low} .. ${step.high}`;
    case "lookup":
      return `table of ${step.table.length}`;
    case "sumPool":
    case "meanPool":
    case "maxPool":
      return `${step.op} ${step.kernel.join("x")}`;
    case "custom":
      return step.name;
    default:
      return step.op;
  }
}
