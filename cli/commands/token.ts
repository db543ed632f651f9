/**
 * `cipherlayer token`: bearer tokens for clients and owners of models.
 *
 * @module
 */
import { Command, InvalidArgumentError, Option } from "commander";
import type { AccessEntry } from "../../functions/access/entries.ts";
import type { Role } from "../../functions/access/principal.ts";
import { makeToken, tokenDigest } from "../../functions/access/bearer_token.ts";
import { platformRandom } from "../../sdk/support/random.ts";
import { print, wholeNumber } from "./command.ts";

interface Options {
  account: string;
  role?: Role[];
  model?: string[];
  days?: number;
  json?: boolean;
}

const dayMs = 24 * 60 * 60 * 1000;

/** `cipherlayer token new`. */
export function tokenCommand(): Command {
  const token = new Command("token")
    .summary("make bearer tokens for clients and owners of models")
    .description(
      "Makes the secrets by which the functions know who calls. They keep digests only: a secret is shown once.",
    )
    .addHelpText(
      "after",
      `
The line goes to the file that CIPHERLAYER_ACCESS names, which running functions
read again. Taking the line away ends the token.

Examples:
  cipherlayer token new --account plant-7 --model occupancy --days 90
  cipherlayer token new --account ops --role owner client --json`,
    );
  token.addCommand(
    new Command("new")
      .summary("make a token")
      .description(
        "Makes a token, and the line by which the functions know it.",
      )
      .requiredOption(
        "--account <name>",
        "whom sessions, budgets and rates belong to",
        accountName,
      )
      .addOption(
        new Option("--role <role...>", "what its holder may do")
          .choices(["client", "owner"]).default(["client"]),
      )
      .option("--model <name...>", "models it is for (default: all)")
      .option(
        "--days <n>",
        "days it is good for (default: no end)",
        wholeNumber(1),
      )
      .option("--json", "print one JSON object")
      .action((options: Options) => {
        const made = make(options, Date.now());
        print(options.json ?? false, made, () => format(made));
      })
      .exitOverride(),
  );
  return token;
}

interface MadeToken {
  /** The only copy of the secret. */
  token: string;
  entry: AccessEntry;
}

function make(
  { account, role, model, days }: Options,
  nowMs: number,
): MadeToken {
  const token = makeToken(platformRandom);
  return {
    token,
    entry: {
      account,
      roles: role ?? ["client"],
      models: model ?? "all",
      sha256: tokenDigest(token),
      ...days === undefined
        ? {}
        : { expiresAt: new Date(nowMs + days * dayMs).toISOString() },
    },
  };
}

function format({ token, entry }: MadeToken): string {
  return `For ${entry.account}, shown this once:

  ${token}

A line for the access file of the functions (CIPHERLAYER_ACCESS):

${JSON.stringify(entry)}`;
}

function accountName(text: string): string {
  if (text.length >= 1 && text.length <= 200) return text;
  throw new InvalidArgumentError("Expected 1 to 200 characters.");
}
