/**
 * `cipherlayer serve`: the functions on this machine.
 *
 * @module
 */
import { existsSync } from "node:fs";
import process from "node:process";
import { Command, InvalidArgumentError, Option } from "commander";
import { startNodeServer } from "../../functions/hosts/node_server.ts";
import { UsageError, wholeNumber } from "./command.ts";
import { findPackage } from "./model_argument.ts";

interface Options {
  port: number;
  hostname: string;
  cert?: string;
  key?: string;
}

/** `cipherlayer serve`: until SIGINT or SIGTERM. */
export function serveCommand(): Command {
  return new Command("serve")
    .summary("serve models to gateways")
    .description(
      "Serves packages until SIGINT or SIGTERM, on a thread for each processor. Without access control (CIPHERLAYER_ACCESS) anybody who reaches the address may call: by default only this machine can.",
    )
    .argument(
      "[models]",
      "folder of packages, one package, or a name in the zoo (default: CIPHERLAYER_MODELS, else the zoo)",
    )
    .option(
      "--port <n>",
      "port to listen on; 0 for a free one",
      portNumber,
      8000,
    )
    .option("--hostname <name>", "address to listen on", "127.0.0.1")
    .addOption(
      new Option("--cert <file>", "serve TLS with this certificate (PEM)")
        .env("TLS_CERT"),
    )
    .addOption(
      new Option("--key <file>", "its private key (PEM)").env("TLS_KEY"),
    )
    .addHelpText(
      "after",
      `
Certificate and key are read again when they change.

The environment configures the rest (docs/hosting.md): CIPHERLAYER_SEALING_KEY,
CIPHERLAYER_ACCESS, CIPHERLAYER_THREADS and others.

Examples:
  cipherlayer serve
  cipherlayer serve occupancy
  cipherlayer serve my-model --port 8080
  cipherlayer serve my-model --hostname 0.0.0.0 --cert chain.pem --key key.pem`,
    )
    .action(async (models: string | undefined, options: Options) => {
      if (models !== undefined) {
        process.env.CIPHERLAYER_MODELS = existsSync(models)
          ? models
          : await findPackage(models);
      }
      await startNodeServer({ ...options, certificate: filesOf(options) });
      // Signals end the process.
      await new Promise(() => {});
    });
}

/** @throws {UsageError} for one without the other */
function filesOf({ cert, key }: Options) {
  if (!cert && !key) return undefined;
  if (cert && key) return { cert, key };
  throw new UsageError("error: --cert and --key go together");
}

function portNumber(text: string): number {
  const port = wholeNumber(0)(text);
  if (port <= 65535) return port;
  throw new InvalidArgumentError("Expected a port of 0 to 65535.");
}
