/**
 * The functions as a process of each host. Runtime: Deno.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { buildWorker } from "./build_worker.ts";
import { bundle } from "./bundle.ts";
import { permissionsFor } from "./permissions.ts";
import { workerdPath } from "./workerd_path.ts";

export const hosts = ["deno", "node", "workerd"] as const;
export type Host = typeof hosts[number];

export interface HostOptions {
  /** Folder of package folders. */
  models: string;
  hostname: string;
  port: number;
  /** What it will find in its environment. Default: this process's. */
  env?: Record<string, string>;
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
  { models, hostname, port, env = Deno.env.toObject() }: HostOptions,
): Promise<HostCommand> {
  switch (host) {
    case "deno":
      return {
        program: Deno.execPath(),
        args: [
          "run",
          "--quiet",
          "--no-prompt",
          ...permissionsFor(env, { models, hostname, port }),
          fileURLToPath(new URL("./deno.ts", import.meta.url)),
        ],
        env: {
          CIPHERLAYER_MODELS: models,
          HOST: hostname,
          PORT: String(port),
        },
      };
    case "node": {
      const output = `${folder}/functions.mjs`;
      const thread = `${folder}/node_thread.mjs`;
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
