/**
 * `cipherlayer serve`: the functions on this machine.
 *
 * @module
 */
import process from "node:process";
import { Command, InvalidArgumentError } from "commander";
import { startNodeServer } from "../../functions/hosts/node_server.ts";
import { wholeNumber } from "./command.ts";

interface Options {
  port: number;
  hostname: string;
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
      "folder of packages, or one package (default: CIPHERLAYER_MODELS, else the zoo)",
    )
    .option(
      "--port <n>",
      "port to listen on; 0 for a free one",
      portNumber,
      8000,
    )
    .option("--hostname <name>", "address to listen on", "127.0.0.1")
    .addHelpText(
      "after",
      `
The environment configures the rest (docs/hosting.md): CIPHERLAYER_SEALING_KEY,
CIPHERLAYER_ACCESS, CIPHERLAYER_THREADS and others.

Examples:
  cipherlayer serve
  cipherlayer serve my-model --port 8080`,
    )
    .action(async (models: string | undefined, options: Options) => {
      if (models !== undefined) process.env.CIPHERLAYER_MODELS = models;
      await startNodeServer(options);
      // Signals end the process.
      await new Promise(() => {});
    });
}

function portNumber(text: string): number {
  const port = wholeNumber(0)(text);
  if (port <= 65535) return port;
  throw new InvalidArgumentError("Expected a port of 0 to 65535.");
}
