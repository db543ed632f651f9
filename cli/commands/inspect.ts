import { Command } from "commander";
import { manifestContract } from "../../models/protections/contract.ts";
import type { EdgeStep } from "../../sdk/wire/plan.ts";
import type { ValuesSpec } from "../../sdk/wire/values.ts";
import type { Manifest, RoundSpec } from "../../models/package/format.ts";
import { openPackage, packageArgument } from "./model_argument.ts";
import { print } from "./command.ts";
import { table } from "../output/table.ts";

/** `cipherlayer inspect`: what a package holds. */
export function inspectCommand(): Command {
  return new Command("inspect")
    .summary("show what a package holds")
    .argument("<package>", packageArgument)
    .option("--json", "print contract and manifest as one JSON object")
    .addHelpText("after", "\nExample:\n  cipherlayer inspect package")
    .action(async (folder: string, options: { json?: boolean }) => {
      const { manifest } = await openPackage(folder);
      const contract = manifestContract(manifest);
      print(
        options.json ?? false,
        { contract, ...manifest },
        () => describe(manifest, contract),
      );
    });
}

function describe(manifest: Manifest, contract: string): string {
  const { name, version, inputs, outputs, states, rounds, provenance } =
    manifest;
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
    ...inputs.map((input) =>
      `input ${describeValues(input)}: integers ${input.low} .. ${input.high}`
    ),
    ...outputs.map((output) =>
      `output ${describeValues(output)}${
        output.tail === "none" ? "" : `, then ${output.tail}`
      }`
    ),
    ...states.map(({ input, output }) =>
      `state ${input}: what ${output} was before`
    ),
    table(header, rows),
    "provenance:",
    ...origin,
  ].join("\n");
}

/** Name, shape, and what one step of each integer is, from what on. */
function describeValues(
  { name, shape, labels, units, scale, offset }: ValuesSpec,
): string {
  const unit = units?.length === 1 ? ` ${units[0]}` : "";
  const step = scale.length === 1
    ? ` of ${scale[0]}${unit} from ${offset[0]}`
    : "";
  const head = `${name} [${shape.join(", ")}]${step}`;
  if (labels === null) {
    return scale.length === 1 ? head : `${head}, ${scale.length} scales`;
  }
  const names = labels.map((label, i) => {
    const own = units && units.length === labels.length ? ` ${units[i]}` : "";
    return scale.length === labels.length && scale.length > 1
      ? `${label} (${scale[i]}${own} from ${offset[i]})`
      : `${label}${own}`;
  });
  return `${head} (${names.join(", ")})`;
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
