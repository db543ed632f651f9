/**
 * `cipherlayer verify`: checksums, shapes, ranges and bounds of a package.
 *
 * @module
 */
import { Command } from "commander";
import { openPackage, packageArgument } from "./model_argument.ts";
import { customSteps } from "./custom_steps.ts";
import { checkServed } from "../../models/planner/check_served.ts";
import { neededForCopy, sealedMeaning } from "../output/sealed_meaning.ts";
import { print } from "./command.ts";

/** `cipherlayer verify`: checksums, shapes, ranges and bounds of a package. */
export function verifyCommand(): Command {
  return new Command("verify")
    .summary("check a package's checksums and bounds")
    .description(
      "Reads a package and proves it consistent: checksums, shapes, ranges, that no accumulator can overflow, and that gateways will accept what functions send of it. Exit code 1 with the first fault otherwise.",
    )
    .argument("<package>", packageArgument)
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExample:\n  cipherlayer verify package")
    .action(async (folder: string, options: { json?: boolean }) => {
      const model = await openPackage(folder);
      const { manifest } = model;
      await checkServed(model);
      const custom = customSteps(manifest);
      const { name, version, rounds, files } = manifest;
      const isSealed = manifest.privacy === "sealed";
      print(
        options.json ?? false,
        {
          valid: true,
          name,
          version,
          custom,
          bounds: rounds.map(({ bound }) => bound),
          files,
          ...isSealed ? { labelsNeeded: neededForCopy(model) } : {},
        },
        () =>
          [
            `${name} ${version}: ${
              Object.keys(files).length + 1
            } files and the bounds of ${rounds.length} rounds verified`,
            ...custom.length > 0
              ? [`gateways must bring the functions ${custom.join(", ")}`]
              : [],
            ...isSealed ? [sealedMeaning(neededForCopy(model))] : [],
          ].join("\n"),
      );
    });
}
