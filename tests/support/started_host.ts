/** Hosts as processes, for tests. */
import { fileURLToPath } from "node:url";
import type { CertificateFiles } from "../../functions/hosts/certificate.ts";
import {
  type Host,
  type HostCommand,
  type HostOptions,
  prepareHost,
} from "../../functions/hosts/host_process.ts";

export interface StartedHost extends AsyncDisposable {
  url: string;
  /** Resolves with the exit code once the process has ended. */
  ended: Promise<number>;
  pid: number;
  /** What the process has written so far. */
  log(): string;
}

/** `deploy`: the entry that Deno Deploy starts, on this machine. */
export type TestedHost = Host | "deploy";

/**
 * Starts the functions on a free loopback port and waits until they answer.
 *
 * @param more `certificate`: default plain HTTP; `port`: default a free one
 */
export async function startHost(
  host: TestedHost,
  models: string,
  env: Record<string, string> = {},
  more: { certificate?: CertificateFiles; port?: number } = {},
): Promise<StartedHost> {
  const { certificate, port = freePort() } = more;
  const folder = await Deno.makeTempDir();
  const options = {
    models,
    hostname: "127.0.0.1",
    port,
    env,
    certificate,
  };
  const command = host === "deploy"
    ? deployCommand(options)
    : await prepareHost(host, folder, options);
  const child = new Deno.Command(command.program, {
    args: command.args,
    cwd: command.cwd,
    env: {
      CIPHERLAYER_SEALING_KEY: "7".repeat(64),
      CIPHERLAYER_INSECURE_KEYS: "1",
      CIPHERLAYER_STATE: `folder:${folder}/spent-tokens`,
      NO_COLOR: "1",
      ...command.env,
      ...env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  const reading = [child.stdout, child.stderr].map(async (stream) => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) {
      text += part;
    }
  });
  let ended = false;
  const status = child.status.then(({ code }) => {
    ended = true;
    return code;
  });
  const stop = async () => {
    if (!ended) child.kill("SIGKILL");
    await Promise.all([status, ...reading]);
    await Deno.remove(folder, { recursive: true });
  };
  const scheme = certificate ? "https" : "http";
  const url = `${scheme}://127.0.0.1:${options.port}`;
  const caCerts = certificate && [await Deno.readTextFile(certificate.cert)];
  using client = Deno.createHttpClient({ caCerts });
  while (!await isHealthy(url, client)) {
    if (!ended) continue;
    await stop();
    throw new Error(`${host} ended: ${text}`);
  }
  return {
    url,
    pid: child.pid,
    ended: status,
    log: () => text,
    [Symbol.asyncDispose]: stop,
  };
}

function deployCommand({ models, hostname, port }: HostOptions): HostCommand {
  return {
    program: Deno.execPath(),
    args: [
      "run",
      "--allow-all",
      fileURLToPath(
        new URL("../../functions/hosts/deploy.ts", import.meta.url),
      ),
    ],
    env: {
      CIPHERLAYER_MODELS: models,
      DENO_SERVE_ADDRESS: `tcp:${hostname}:${port}`,
    },
  };
}

async function isHealthy(
  url: string,
  client: Deno.HttpClient,
): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`, { client });
    await response.body?.cancel();
    return response.ok;
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return false;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
