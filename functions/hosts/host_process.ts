/**
 * The functions as a process of each host. Runtime: Deno.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { buildWorker } from "./build_worker.ts";
import { bundle } from "./bundle.ts";
import type { CertificateFiles } from "./certificate.ts";
import { permissionsFor } from "./permissions.ts";
import { workerdPath } from "./workerd_path.ts";

export const hosts = ["deno", "node", "workerd"] as const;
export type Host = typeof hosts[number];

export interface HostOptions {
  /** Folder of package folders. */
  models: string;
  hostname: string;
  port: number;
  /** Deno and Node: serves TLS with it. */
  certificate?: CertificateFiles;
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
  options: HostOptions,
): Promise<HostCommand> {
  const { models, hostname, port, env = Deno.env.toObject() } = options;
  switch (host) {
    case "deno":
      return {
        program: Deno.execPath(),
        args: [
          "run",
          "--quiet",
          "--no-prompt",
          ...permissionsFor(env, options),
          fileURLToPath(new URL("./deno.ts", import.meta.url)),
        ],
        env: placeOf(options),
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
        env: placeOf(options),
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

/** What the hosts of this repository read of where to listen and what to serve. */
function placeOf(
  { models, hostname, port, certificate }: HostOptions,
): Record<string, string> {
  return {
    CIPHERLAYER_MODELS: models,
    HOST: hostname,
    PORT: String(port),
    ...certificate && { TLS_CERT: certificate.cert, TLS_KEY: certificate.key },
  };
}
