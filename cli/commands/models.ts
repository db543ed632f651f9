/**
 * `cipherlayer models`: the versions that functions keep of an owner's models.
 *
 * @module
 */
import { Command } from "commander";
import type { ModelStatus } from "../../models/package/version_status.ts";
import { print } from "./command.ts";
import { table } from "../output/table.ts";
import {
  addOwnerCallOptions,
  openControlPlane,
  type OwnerCallOptions,
  sizeText,
  timeText,
  tokenHelp,
} from "./owner_calls.ts";

/** `cipherlayer models list|activate|rollback|withdraw|delete`. */
export function modelsCommand(): Command {
  const models = new Command("models")
    .summary("list, activate, roll back, withdraw and delete deployed versions")
    .description(
      "What the functions at a URL keep of an owner's models. New sessions get the active version; sessions that have begun keep theirs while it is stored.",
    )
    .addHelpText(
      "after",
      `${tokenHelp}
Examples:
  cipherlayer models list --url https://models.example
  cipherlayer models activate lenet-mnist be28cf32b8bc --url https://models.example
  cipherlayer models rollback lenet-mnist --url https://models.example
  cipherlayer models delete lenet-mnist be28cf32b8bc --url https://models.example --json`,
    );
  const add = (name: string, summary: string) => {
    const command = addOwnerCallOptions(
      new Command(name).summary(summary).description(summary),
    ).exitOverride();
    models.addCommand(command);
    return command;
  };
  add("list", "list models, their versions and uploads under way").action(list);
  add("activate", "give a version to new sessions")
    .argument("<model>").argument("<version>")
    .action((model: string, version: string, options: OwnerCallOptions) =>
      change(options, (plane) => plane.activate(model, version))
    );
  add("rollback", "give new sessions the version that was active before")
    .argument("<model>")
    .action((model: string, options: OwnerCallOptions) =>
      change(options, (plane) => plane.rollBack(model))
    );
  add("withdraw", "give new sessions no version of a model at all")
    .argument("<model>")
    .action((model: string, options: OwnerCallOptions) =>
      change(options, (plane) => plane.withdraw(model))
    );
  add(
    "delete",
    "delete a version that is not active (its sessions end), or an upload",
  )
    .argument("<model>").argument("<version>")
    .action((model: string, version: string, options: OwnerCallOptions) =>
      change(options, (plane) => plane.remove(model, version))
    );
  return models;
}

async function list(options: OwnerCallOptions): Promise<void> {
  const models = await openControlPlane(options).list();
  print(options.json ?? false, { models }, () => textOf(models));
}

async function change(
  options: OwnerCallOptions,
  call: (plane: ReturnType<typeof openControlPlane>) => Promise<ModelStatus>,
): Promise<void> {
  const model = await call(openControlPlane(options));
  print(options.json ?? false, model, () => textOf([model]));
}

function textOf(models: ModelStatus[]): string {
  if (models.length === 0) return "No models";
  const rows = models.flatMap((
    { name, active, previous, versions, uploads },
  ) => [
    ...versions.map(({ version, bytes, storedMs }) => [
      name,
      version,
      sizeText(bytes),
      timeText(storedMs),
      version === active?.version
        ? `active since ${timeText(active.sinceMs)}`
        : version === previous
        ? "active before"
        : "",
    ]),
    ...uploads.map(({ version, bytes, sinceMs }) => [
      name,
      version,
      sizeText(bytes),
      timeText(sinceMs),
      "uploading",
    ]),
  ]);
  return table(["model", "version", "size", "since", "state"], rows);
}
