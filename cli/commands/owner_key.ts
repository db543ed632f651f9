/**
 * `cipherlayer owner-key`: the key by which an owner signs models.
 *
 * @module
 */
import { Command } from "commander";
import { OwnerKey } from "../owner/owner_key.ts";
import { print } from "./command.ts";

interface Options {
  json?: boolean;
}

/** `cipherlayer owner-key create|show`. */
export function ownerKeyCommand(): Command {
  const command = new Command("owner-key")
    .summary("make and show the key that signs models")
    .description(
      "Keeps an Ed25519 key pair in a file (JWK, mode 0600) for `cipherlayer deploy`. The functions hold public keys only, and serve what one of them has signed.",
    )
    .addHelpText(
      "after",
      `
The operator adds the public key to CIPHERLAYER_OWNER_KEYS.

Examples:
  cipherlayer owner-key create owner.jwk
  cipherlayer owner-key show owner.jwk --json`,
    );
  const add = (
    name: string,
    summary: string,
    action: (path: string) => Promise<OwnerKey>,
  ) =>
    command.addCommand(
      new Command(name).summary(summary).description(summary)
        .argument("<file>", "file of the key")
        .option("--json", "print one JSON object")
        .action(async (file: string, { json = false }: Options) => {
          const { publicKey } = await action(file);
          print(json, { file, publicKey }, () => publicKey);
        })
        .exitOverride(),
    );
  add(
    "create",
    "make a key; print its public half",
    (path) => OwnerKey.create(path),
  );
  add("show", "print the public half of a key", (path) => OwnerKey.read(path));
  return command;
}
