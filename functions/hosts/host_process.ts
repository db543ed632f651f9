/**
 * The functions as a process of each host. Runtime: Deno.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { buildWorker } from "./build_worker.ts";
import { bundle } from "./bundle.ts";
import { workerdPath } from "./workerd_path.ts";

export const hosts = ["deno", "node", "workerd"] as const;
export type Host = typeof hosts[number];

export interface HostOptions {
  /** Folder of package folders. */
  models: string;
  hostname: string;
  port: number;
}

/** A program to start, which serves until it is ended. */
export interface HostCommand {
  program: string;
  args: string[];
  cwd?: string;
  /** Beside the environment of the caller. */
  env: Record<string, string>;
}

/**
 * Writes what the host needs of the functions into `folder`, which stays as long as
 * they are served: bundles, and for `workerd` the models too.
 *
 * @returns how they are then started
 * @throws {Error} with what the bundler said
 */
export async function prepareHost(
  host: Host,
  folder: string,
  { models, hostname, port }: HostOptions,
): Promise<HostCommand> {
  switch (host) {
    case "deno":
      return {
        program: Deno.execPath(),
        args: [
          "serve",
          "-A",
          "--quiet",
          `--host=${hostname}`,
          `--port=${port}`,
          fileURLToPath(new URL("../main.ts", import.meta.url)),
        ],
        env: { CIPHERLAYER_MODELS: models },
      };
    case "node": {
      const output = `${folder}/functions.mjs`;
      const thread = `${folder}/thread.mjs`;
      await bundle("functions/hosts/node.ts", output, { platform: "deno" });
      await bundle("functions/hosts/node_thread.ts", thread, {
        platform: "deno",
      });
      return {
        program: "node",
        args: [output],
        env: {
          CIPHERLAYER_MODELS: models,
          HOST: hostname,
          PORT: String(port),
        },
      };
    }
    case "workerd":
      await buildWorker(folder, { models, address: `${hostname}:${port}` });
      return {
        program: await workerdPath(),
        args: ["serve", "config.capnp"],
        cwd: folder,
        env: {},
      };
  }
}
