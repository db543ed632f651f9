/**
 * `cipherlayer deploy`: a package to running functions.
 *
 * @module
 */
import { Command } from "commander";
import { OwnerKey } from "../owner/owner_key.ts";
import { uploadPackage } from "../owner/upload.ts";
import { decodeManifest } from "../../models/package/package_bytes.ts";
import { readPackageFiles } from "../../models/package/read_package.ts";
import { manifestContract } from "../../models/protections/contract.ts";
import { note, print } from "./command.ts";
import { findPackage, packageArgument } from "./model_argument.ts";
import {
  addOwnerCallOptions,
  openControlPlane,
  type OwnerCallOptions,
  sizeText,
  tokenHelp,
} from "./owner_calls.ts";

interface Options extends OwnerCallOptions {
  ownerKey: string;
  activate: boolean;
}

/** `cipherlayer deploy`: a package to running functions. */
export function deployCommand(): Command {
  return addOwnerCallOptions(new Command("deploy"))
    .summary("upload a package to running functions")
    .description(
      "Checks a package, signs it with the owner's key, uploads what the functions do not have of it, and activates it: new sessions get it, sessions that have begun keep the version they have. Interrupted, it goes on where it stopped when it is run again.",
    )
    .argument("<package>", packageArgument)
    .option("--owner-key <file>", "the owner's private key", "owner.jwk")
    .option("--activate", "give it to new sessions", true)
    .option("--no-activate", "upload only")
    .addHelpText(
      "after",
      `${tokenHelp}
Examples:
  cipherlayer owner-key create owner.jwk
  cipherlayer deploy package --url https://models.example
  cipherlayer deploy package --url https://models.example --no-activate --json`,
    )
    .action(deploy);
}

async function deploy(folder: string, options: Options): Promise<void> {
  const plane = openControlPlane(options);
  const key = await OwnerKey.read(options.ownerKey);
  let lastTenth = -1;
  const files = await readPackageFiles(await findPackage(folder));
  const report = await uploadPackage(
    files,
    key,
    plane,
    (present, chunks) => {
      const tenth = Math.floor(10 * present / chunks);
      if (tenth === lastTenth) return;
      lastTenth = tenth;
      note(`${present} of ${chunks} chunks are there`);
    },
  );
  const { name, version } = report;
  const contract = manifestContract(
    decodeManifest(files.get("manifest.json")!),
  );
  const { active } = options.activate
    ? await plane.activate(name, version)
    : await plane.status(name);
  const isActive = active?.version === version;
  print(
    options.json ?? false,
    { ...report, contract, active: active?.version ?? null },
    () =>
      `${name} ${version}: ${
        sizeText(report.bytes)
      }, ${report.sent} of ${report.chunks} chunks sent, ${
        isActive ? "active" : `stored; active is ${active?.version ?? "none"}`
      }\ncontract ${contract}`,
  );
}
