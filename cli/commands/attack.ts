/**
 * `cipherlayer attack`: what a hostile client gets out of a model.
 *
 * @module
 */
import { Command, Option } from "commander";
import { attacks, runAttacks } from "../../attack/mod.ts";
import type { AttackReport } from "../../attack/report/report.ts";
import { recoveryFigure } from "../../attack/report/figure.ts";
import { attackKeyBits } from "../../attack/client/attack_context.ts";
import {
  type AttackedProfile,
  attackedProfiles,
} from "../../attack/client/target.ts";
import {
  fewLabels,
  type LabelsNeeded,
} from "../../attack/measure/labels_needed.ts";
import { attackSealed, type SealedReport } from "../../attack/sealed/mod.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { groupDigits } from "../output/numbers.ts";
import { note, print, UsageError, wholeNumber } from "./command.ts";
import { refuseOverwriting } from "./overwriting.ts";
import { writeWholeFile } from "../../models/package/write_file.ts";
import { openPackage, packageArgument } from "./model_argument.ts";
import { table } from "../output/table.ts";

interface Options {
  profile?: AttackedProfile | "sealed";
  attack?: string;
  queries: number;
  figure?: string;
  force?: boolean;
  json?: boolean;
}

/** A model that so few labels could hold is warned of. */

/** `cipherlayer attack`: the meter. */
export function attackCommand(): Command {
  return new Command("attack")
    .summary("measure what a hostile client gets out of a model")
    .description(
      `Serves the package on this machine under each privacy profile and attacks it over HTTP, with what a client has and ${attackKeyBits}-bit keys (INSECURE, for speed: attacks use no weakness of the key). "none" reveals scores as they are; "sealed" tells labels alone, and what is measured is how many bits each can be made to tell.`,
    )
    .argument("<package>", packageArgument)
    .addOption(
      new Option("--profile <name>", "one profile instead of all")
        .choices([...attackedProfiles, "sealed"]),
    )
    .addOption(
      new Option("--attack <name>", "one attack instead of all")
        .choices([...attacks.keys()]),
    )
    .option("--queries <n>", "most inputs of an attack", wholeNumber(1), 2000)
    .option("--figure <file>", "write recovery by queries as SVG")
    .option("--force", "overwrite what is at --figure")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  cipherlayer attack package
  cipherlayer attack package --profile strict --attack fingerprint --json
  cipherlayer attack package --profile sealed`,
    )
    .action(attack);
}

async function attack(folder: string, options: Options): Promise<void> {
  if (options.figure) refuseOverwriting(options.figure, options.force);
  const model = await openPackage(folder);
  const { name, version, privacy, reveal } = model.manifest;
  if (options.profile === "sealed") {
    if (options.attack) {
      throw new UsageError("Cannot use --attack with --profile sealed");
    }
    const report = await attackSealed(
      model,
      columnsFor(model, options.queries),
      attacks,
    );
    const shown = { model: name, version, keyBits: attackKeyBits, ...report };
    print(options.json ?? false, shown, () => formatSealed(report));
    return;
  }
  const reports = await runAttacks(model, {
    profiles: options.profile ? [options.profile] : attackedProfiles,
    attacks: options.attack ? [options.attack] : [...attacks.keys()],
    queries: options.queries,
    onReport: ({ profile, attack, ms }) =>
      note(`${profile}: ${attack}, ${(ms / 1000).toFixed(1)} s`),
  });
  if (options.figure) {
    await writeWholeFile(options.figure, recoveryFigure(name, reports));
  }
  print(
    options.json ?? false,
    {
      model: name,
      version,
      privacy,
      reveal,
      keyBits: attackKeyBits,
      insecure: true,
      reports,
    },
    () => format(reports),
  );
}

/** Columns of the last layer that so many labels tell: about ten a weight. */
const columnsFor = (
  { manifest: { outputs: [{ shape }] } }: ModelPackage,
  labels: number,
): number =>
  Math.max(1, Math.floor(labels / 10 / shape.reduce((a, b) => a * b)));

function formatSealed(
  { findings, needed, open, games, tables, cheats }: SealedReport,
): string {
  const rows = findings.map(({ attack, found, right, bits, labels }) => [
    attack,
    found,
    right,
    labels,
    bits.toFixed(0),
    (bits / labels).toFixed(2),
  ]);
  const count = ({ least, assumed }: LabelsNeeded) =>
    `at least ${groupDigits(least)} labels; assume ${groupDigits(assumed)}`;
  const { all, lastLayer } = needed;
  return [
    table(
      ["attack", "found", "right", "labels", "bits", "bits a label"],
      rows,
    ),
    "",
    `A label tells at most ${
      all.bitsPerLabel.toFixed(2)
    } bits, whatever a client sends. All weights take ${
      count(all)
    }. The last layer alone: ${count(lastLayer)}.`,
    ...all.least < fewLabels
      ? [
        `WARNING: fewer than ${
          groupDigits(fewLabels)
        }. Set CIPHERLAYER_BUDGET_PER_MODEL_DAY so that an account gets far fewer while the model is worth keeping.`,
      ]
      : [],
    "",
    ...tried(
      "attacks on open inferences",
      open,
      ({ bitsReceived }) => bitsReceived === 0,
    ),
    ...tried("games with tokens", games, ({ refusal }) => refusal !== null),
    `places of noise of its own: ${tables.answers} answers of one round, whose commonest difference of ciphertexts came ${tables.commonest} ${
      tables.commonest === 1 ? "time" : "times"
    } (Delta would come again and again)`,
    ...tried(
      "functions that cheat a gateway",
      cheats,
      ({ differs }) => !differs,
    ),
    "",
    "A client chooses inputs of the last layer by adding to its shares: only shares that are authenticated would stop it (docs/sealed.md).",
  ].join("\n");
}

/** How many of what was tried came to nothing, and the others one by one. */
function tried<T extends object>(
  what: string,
  findings: readonly T[],
  failed: (finding: T) => boolean,
): string[] {
  const others = findings.filter((finding) => !failed(finding));
  return [
    `${what}: ${
      findings.length - others.length
    } of ${findings.length} came to nothing`,
    ...others.map((finding) => `  NOT: ${JSON.stringify(finding)}`),
  ];
}

function format(reports: AttackReport[]): string {
  const share = (value: number | null) =>
    value === null ? "-" : value.toFixed(3);
  const rows = reports.map((report) => [
    report.profile,
    report.attack,
    report.round || "-",
    report.queries,
    report.calls,
    (report.bitsReceived / 8e3).toFixed(0),
    share(report.recovered),
    share(report.chance),
    share(report.cosine),
    share(report.decoyAuc),
    share(report.agreement),
    share(report.labelOnlyAgreement),
  ]);
  const header = [
    "profile",
    "attack",
    "round",
    "queries",
    "calls",
    "KB",
    "recovered",
    "zeros",
    "cosine",
    "decoy AUC",
    "clone",
    "label-only",
  ];
  const notes = reports.map(({ profile, attack, outcome, scaledDown }) =>
    `${profile}, ${attack}: ${outcome}${scaledDown ? ` (${scaledDown})` : ""}`
  );
  return [
    table(header, rows),
    "",
    ...notes,
    "",
    `Keys of ${attackKeyBits} bits. "recovered": share of weights within half a quantisation step, up to order and scale; "zeros" (or chance) is what knowing nothing gives. "clone" and "label-only": agreement with the layer on held-out inputs.`,
  ].join("\n");
}
