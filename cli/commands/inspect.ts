import { Command } from "commander";
import { manifestContract } from "../../models/protections/contract.ts";
import type { EdgeStep } from "../../sdk/wire/plan.ts";
import type { ValuesSpec } from "../../sdk/wire/values.ts";
import type { ModelPackage, RoundSpec } from "../../models/package/format.ts";
import { neededForCopy, sealedMeaning } from "../output/sealed_meaning.ts";
import { findModel, openPackage, packageArgument } from "./model_argument.ts";
import { listModels } from "../../sdk/session/list_models.ts";
import { suggestion } from "../../sdk/support/nearest.ts";
import type { ModelInfo, ModelValues } from "../../sdk/wire/messages.ts";
import { groupDigits, shortNumber } from "../output/numbers.ts";
import { print, tokenOption, UsageError } from "./command.ts";
import { table } from "../output/table.ts";

interface Options {
  token?: string;
  json?: boolean;
}

/** `cipherlayer inspect`: what a package holds, or what functions tell of a model. */
export function inspectCommand(): Command {
  return new Command("inspect")
    .summary("show what a model takes and gives")
    .argument(
      "<model>",
      `${packageArgument}; or a URL with the name of a model`,
    )
    .addOption(tokenOption())
    .option("--json", "print contract and manifest as one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  cipherlayer inspect occupancy
  cipherlayer inspect http://127.0.0.1:8000/occupancy`,
    )
    .action(inspect);
}

async function inspect(
  named: string,
  { token, json = false }: Options,
): Promise<void> {
  const source = await findModel(named);
  if (source.kind === "served") {
    const info = await findServed(source, token);
    print(json, info, () => describeServed(info));
    return;
  }
  const model = await openPackage(named);
  const { manifest } = model;
  const contract = manifestContract(manifest);
  print(
    json,
    { contract, ...manifest },
    () => describe(model, contract),
  );
}

async function findServed(
  { url, model }: { url: string; model: string },
  token?: string,
): Promise<ModelInfo> {
  const models = await listModels(url, { token: token || undefined });
  const found = models.find(({ name }) => name === model);
  if (found) return found;
  const names = models.map(({ name }) => name);
  throw new UsageError(
    `Cannot find model ${JSON.stringify(model)}: ${url} serves ${
      names.join(", ") || "none"
    }${suggestion(model, names)}`,
  );
}

function describeServed(
  { name, version, contract, inputs, outputs }: ModelInfo,
): string {
  const line = (what: string, { name, shape, labels, units }: ModelValues) => {
    const names = labels?.map((label, i) =>
      units?.length === labels.length ? `${label} ${units[i]}` : label
    );
    const unit = units?.length === 1 ? ` ${units[0]}` : "";
    return `${what} ${name} [${shape.join(", ")}]${unit}${
      names ? ` (${names.join(", ")})` : ""
    }`;
  };
  return [
    `${name} ${version}`,
    `contract ${contract}`,
    ...inputs.map((values) => line("input", values)),
    ...outputs.map((values) => line("output", values)),
  ].join("\n");
}

function describe(model: ModelPackage, contract: string): string {
  const { name, version, inputs, outputs, states, rounds, provenance } =
    model.manifest;
  const header = ["round", "reads", "linear map", "output", "bound", "edge"];
  const rows = rounds.map((round) => [
    round.name,
    round.terms.map(({ reads }) => reads).join(" + "),
    round.terms.map(describeTerm).join(" + "),
    `[${round.outputShape.join(", ")}]`,
    groupDigits(round.bound),
    round.steps.map(describeStep).join(", "),
  ]);
  const origin = Object.entries(provenance)
    .map(([key, value]) => `  ${key}: ${value}`);
  return [
    `${name} ${version}`,
    `contract ${contract}`,
    describePrivacy(model),
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
    table(header, rows, { right: [4] }),
    "provenance:",
    ...origin,
  ].join("\n");
}

function describePrivacy(model: ModelPackage): string {
  const { privacy, reveal } = model.manifest;
  if (privacy !== "sealed") {
    const told = reveal === "label" ? "the label alone" : "scores";
    return `reveals ${told}, privacy ${privacy}`;
  }
  return sealedMeaning(neededForCopy(model));
}

/** Name, shape, and what one step of each integer is, from what on. */
function describeValues(
  { name, shape, labels, units, scale, offset }: ValuesSpec,
): string {
  const unit = units?.length === 1 ? ` ${units[0]}` : "";
  const step = scale.length === 1
    ? ` of ${shortNumber(scale[0])}${unit} from ${shortNumber(offset[0])}`
    : "";
  const head = `${name} [${shape.join(", ")}]${step}`;
  if (labels === null) {
    return scale.length === 1 ? head : `${head}, ${scale.length} scales`;
  }
  const names = labels.map((label, i) => {
    const own = units && units.length === labels.length ? ` ${units[i]}` : "";
    return scale.length === labels.length && scale.length > 1
      ? `${label} (${shortNumber(scale[i])}${own} from ${
        shortNumber(offset[i])
      })`
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
