/**
 * What commands share that call the functions as a model's owner.
 *
 * @module
 */
import process from "node:process";
import type { Command } from "commander";
import { ControlPlane } from "../owner/control_plane.ts";
import { note, urlOption, UsageError } from "./command.ts";

export interface OwnerCallOptions {
  url: string;
  token?: string;
  json?: boolean;
}

/** Environment variable with the owner's bearer token. */
const tokenVariable = "CIPHERLAYER_TOKEN";

export const tokenHelp =
  `\nThe token comes from ${tokenVariable}, where other users do not see it, or from\n--token. It is one of the role owner (cipherlayer token new --role owner).\n`;

export function addOwnerCallOptions(command: Command): Command {
  return command
    .addOption(urlOption("where the functions are").makeOptionMandatory())
    .option("--token <token>", `the owner's token (default: ${tokenVariable})`)
    .option("--json", "print one JSON object");
}

/** @throws {UsageError} without a token, or where the URL is none */
export function openControlPlane(
  { url, token = process.env[tokenVariable] }: OwnerCallOptions,
): ControlPlane {
  if (!token) {
    throw new UsageError(
      `Cannot call as owner: expected a token in ${tokenVariable} or --token`,
    );
  }
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw new UsageError(
      `Cannot call ${url}: expected a URL such as https://models.example`,
    );
  }
  const { protocol, hostname } = new URL(url);
  const isLocal = /^(localhost|127\..*|\[::1\])$/.test(hostname);
  if (protocol === "http:" && !isLocal) {
    note(
      `Warning: ${hostname} is called without TLS; anybody who listens gets the token`,
    );
  }
  return new ControlPlane({
    url,
    token,
    onRetry: (delayMs, { message }) =>
      note(`${message}; again in ${(delayMs / 1000).toFixed(1)} s`),
  });
}

/** A moment for people. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

export function sizeText(bytes: number): string {
  return bytes < 2 ** 20
    ? `${(bytes / 2 ** 10).toFixed(1)} KiB`
    : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
