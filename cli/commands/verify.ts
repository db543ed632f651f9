/**
 * `cipherlayer verify`: checksums, shapes, ranges and bounds of a package.
 *
 * @module
 */
import { Command } from "commander";
import { openPackage, packageArgument } from "./model_argument.ts";
import { neededForCopy, sealedMeaning } from "../output/sealed_meaning.ts";
import { print } from "./command.ts";

/** `cipherlayer verify`: checksums, shapes, ranges and bounds of a package. */
export function verifyCommand(): Command {
  return new Command("verify")
    .summary("check a package's checksums and bounds")
    .description(
      "Reads a package and proves it consistent: checksums, shapes, ranges, and that no accumulator can overflow. Exit code 1 with the first fault otherwise.",
    )
    .argument("<package>", packageArgument)
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExample:\n  cipherlayer verify package")
    .action(async (folder: string, options: { json?: boolean }) => {
      const model = await openPackage(folder), { manifest } = model;
      const { name, version, rounds, files } = manifest;
      const isSealed = manifest.privacy === "sealed";
      print(
        options.json ?? false,
        {
          valid: true,
          name,
          version,
          bounds: rounds.map(({ bound }) => bound),
          files,
          ...isSealed ? { labelsNeeded: neededForCopy(model) } : {},
        },
        () =>
          [
            `${name} ${version}: ${
              Object.keys(files).length + 1
            } files and the bounds of ${rounds.length} rounds verified`,
            ...isSealed ? [sealedMeaning(neededForCopy(model))] : [],
          ].join("\n"),
      );
    });
}
