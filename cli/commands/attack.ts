/** `cipherlayer attack`: what a hostile client gets out of a model. */
import { Command, Option } from "commander";
import { attacks, runAttacks } from "../../attack/mod.ts";
import type { AttackReport } from "../../attack/report/report.ts";
import { recoveryFigure } from "../../attack/report/figure.ts";
import { attackKeyBits } from "../../attack/client/attack_context.ts";
import {
  type AttackedProfile,
  attackedProfiles,
} from "../../attack/client/target.ts";
import { note, print, wholeNumber } from "./command.ts";
import { refuseOverwriting } from "./overwriting.ts";
import { writeWholeFile } from "../../models/package/write_file.ts";
import { openPackage, packageArgument } from "./model_argument.ts";
import { table } from "../output/table.ts";

interface Options {
  profile?: AttackedProfile;
  attack?: string;
  queries: number;
  figure?: string;
  force?: boolean;
  json?: boolean;
}

/** `cipherlayer attack`: the meter. */
export function attackCommand(): Command {
  return new Command("attack")
    .summary("measure what a hostile client gets out of a model")
    .description(
      `Serves the package on this machine under each privacy profile and attacks it over HTTP, with what a client has and ${attackKeyBits}-bit keys (INSECURE, for speed: attacks use no weakness of the key). "none" reveals scores as they are.`,
    )
    .argument("<package>", packageArgument)
    .addOption(
      new Option("--profile <name>", "one profile instead of all")
        .choices(attackedProfiles),
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
  cipherlayer attack package --profile strict --attack fingerprint --json`,
    )
    .action(attack);
}

async function attack(folder: string, options: Options): Promise<void> {
  if (options.figure) refuseOverwriting(options.figure, options.force);
  const model = await openPackage(folder);
  const { name, version, privacy, reveal } = model.manifest;
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
