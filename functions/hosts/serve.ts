/**
 * `deno task serve`: the functions on a host of this machine, or written for one
 * elsewhere.
 *
 * @module
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { encodeHex } from "@std/encoding/hex";
import { platformRandom } from "../../sdk/support/random.ts";
import { zooFolder } from "../../models/package/zoo.ts";
import { type CertificateFiles, certificateFiles } from "./certificate.ts";
import { type Host, hosts, prepareHost } from "./host_process.ts";
import { portableOptions } from "../settings/options.ts";
import { Settings } from "../settings/settings.ts";

const usage =
  `usage: deno task serve [--on HOST] [--port N] [--hostname NAME] [--models DIR]
                       [--cert FILE --key FILE]
       deno task serve --on node|workerd --build DIR

Serves the functions until SIGINT or SIGTERM. The environment configures them as
docs/hosting.md says.

  --on HOST        deno (default), node or workerd
  --port N         default 8000
  --hostname NAME  address to listen on, default 127.0.0.1
  --cert FILE      serve TLS with this certificate (PEM), read again when it changes
  --key FILE       its private key (PEM)
  --models DIR     folder of model packages, default CIPHERLAYER_MODELS or models/zoo
  --build DIR      write what the host needs to DIR and serve nothing: for Node
                   functions.mjs, for workerd and Cloudflare a worker with its models
  --help           this text

examples:
  deno task serve --port 8080
  deno task serve --on node
  deno task serve --on workerd --build worker && cd worker && npx wrangler deploy
`;

interface Choice {
  host: Host;
  port: number;
  hostname: string;
  models: string;
  build?: string;
  certificate?: CertificateFiles;
}

/** @throws {Error} for arguments that make no sense */
function choiceFrom(args: string[]): Choice | null {
  const { values } = parseArgs({
    args,
    options: {
      on: { type: "string", default: "deno" },
      port: { type: "string", default: "8000" },
      hostname: { type: "string", default: "127.0.0.1" },
      models: { type: "string" },
      cert: { type: "string" },
      key: { type: "string" },
      build: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return null;
  const host = hosts.find((host) => host === values.on);
  if (!host) {
    throw new TypeError(
      `--on: expected one of ${hosts.join(", ")}, got "${values.on}"`,
    );
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new TypeError(`--port: expected 0 to 65535, got "${values.port}"`);
  }
  if (values.build !== undefined && host === "deno") {
    throw new TypeError("--build: Deno runs functions/main.ts as it is");
  }
  const { cert, key } = values;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("--cert and --key go together");
  }
  const certificate = cert === undefined || key === undefined
    ? certificateFiles(Deno.env.toObject())
    : { cert, key };
  if (certificate && host === "workerd") {
    throw new TypeError(
      "--cert: workerd serves no TLS here; put a proxy before it",
    );
  }
  const models = values.models ??
    (Deno.env.get("CIPHERLAYER_MODELS") || zooFolder);
  return {
    host,
    port,
    hostname: values.hostname,
    models: resolve(models),
    build: values.build,
    certificate: certificate && {
      cert: resolve(certificate.cert),
      key: resolve(certificate.key),
    },
  };
}

/**
 * Variables to be added to the environment.
 *
 * @throws {RangeError} for settings that the host cannot keep
 */
function checkedEnvironment(host: Host): Record<string, string> {
  // Deno and Node check their settings when they start.
  if (host !== "workerd") return {};
  const settings = new Settings(Deno.env.toObject(), host);
  const { sealingKey } = portableOptions(settings);
  if (sealingKey) return {};
  console.error(
    "CIPHERLAYER_SEALING_KEY is not set: using a random one. Sessions end when this process does.",
  );
  return { CIPHERLAYER_SEALING_KEY: encodeHex(platformRandom(32)) };
}

async function main(args: string[]): Promise<number> {
  let choice: Choice | null;
  try {
    choice = choiceFrom(args);
  } catch (error) {
    console.error(`error: ${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  if (!choice) {
    console.log(usage);
    return 0;
  }
  const { host, build } = choice;
  const folder = build ?? await Deno.makeTempDir();
  try {
    await Deno.mkdir(folder, { recursive: true });
    const env = build === undefined ? checkedEnvironment(host) : {};
    const command = await prepareHost(host, folder, choice);
    if (build !== undefined) {
      console.error(`Written to ${folder}`);
      return 0;
    }
    const child = new Deno.Command(command.program, {
      args: command.args,
      cwd: command.cwd,
      env: { ...command.env, ...env },
      stdin: "null",
    }).spawn();
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(signal, () => child.kill(signal));
    }
    console.error(
      `Serving on ${host} at ${
        choice.certificate ? "https" : "http"
      }://${choice.hostname}:${choice.port}/`,
    );
    const { code, signal } = await child.status;
    return signal ? 0 : code;
  } catch (error) {
    console.error(`error: ${(error as Error).message}`);
    return 1;
  } finally {
    if (build === undefined) await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
