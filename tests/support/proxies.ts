/** Proxies on free loopback ports, configured as docs/hosting/ says. */
import { fileURLToPath } from "node:url";
import { canRun } from "../runtimes/processes.ts";

export type Proxy = "nginx" | "haproxy";

export interface StartedProxy extends AsyncDisposable {
  url: string;
  port: number;
}

export interface ProxyOptions {
  /** Ports of the two processes behind it. */
  ports: readonly number[];
  certificate: { cert: string; key: string };
  /** Texts of the configuration, each in place of another that stands there. */
  changes?: Record<string, string>;
}

const files = { nginx: "nginx.conf", haproxy: "haproxy.cfg" };

/** The proxies that are installed. */
export const installed: Record<Proxy, boolean> = {
  nginx: await canRun(pathOf("nginx"), "-v"),
  haproxy: await canRun(pathOf("haproxy"), "-v"),
};

/** Debian keeps both where only root looks for programs. */
function pathOf(proxy: Proxy): string {
  const path = `/usr/sbin/${proxy}`;
  try {
    Deno.statSync(path);
    return path;
  } catch {
    return proxy;
  }
}

/** Starts a proxy and waits until it takes connections. */
export async function startProxy(
  proxy: Proxy,
  { ports, certificate: { cert, key }, changes = {} }: ProxyOptions,
): Promise<StartedProxy> {
  const folder = await Deno.makeTempDir();
  const port = freePort();
  const both = `${folder}/both.pem`;
  const pems = await Promise.all([cert, key].map((path) => {
    return Deno.readTextFile(path);
  }));
  await Deno.writeTextFile(both, pems.join("\n"));
  let text = await Deno.readTextFile(
    fileURLToPath(
      new URL(`../../docs/hosting/${files[proxy]}`, import.meta.url),
    ),
  );
  const ofProxy: Record<string, string> = proxy === "nginx"
    ? {
      "listen 443": `listen 127.0.0.1:${port}`,
      "/etc/cipherlayer/chain.pem": cert,
      "/etc/cipherlayer/key.pem": key,
    }
    : {
      "bind :443": `bind 127.0.0.1:${port}`,
      "/etc/cipherlayer/chain-and-key.pem": both,
    };
  const replacements = {
    ...ofProxy,
    ...changes,
    "127.0.0.1:8001": `127.0.0.1:${ports[0]}`,
    "127.0.0.1:8002": `127.0.0.1:${ports[1]}`,
  };
  for (const [before, after] of Object.entries(replacements)) {
    if (!text.includes(before)) throw new Error(`${before} is not in ${proxy}`);
    text = text.replaceAll(before, after);
  }
  const config = `${folder}/config`;
  await Deno.writeTextFile(
    config,
    proxy === "nginx" ? nginxAround(text, folder) : text,
  );
  const child = new Deno.Command(pathOf(proxy), {
    args: proxy === "nginx"
      ? ["-p", folder, "-e", "stderr", "-c", config]
      : ["-db", "-f", config],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let log = "";
  const logged = (async () => {
    const parts = child.stderr.pipeThrough(new TextDecoderStream());
    for await (const part of parts) log += part;
  })();
  let ended = false;
  const status = child.status.then(() => ended = true);
  while (!await isOpen(port)) {
    if (!ended) continue;
    await logged;
    throw new Error(`${proxy} ended: ${log}`);
  }
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    async [Symbol.asyncDispose]() {
      if (!ended) child.kill("SIGTERM");
      await Promise.all([status, logged]);
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** What Debian's nginx.conf has around a file of conf.d, without its daemon. */
function nginxAround(text: string, folder: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  return `${Deno.uid() === 0 ? "user root;" : ""}
daemon off; worker_processes 1; pid ${folder}/pid;
events { worker_connections 256; }
http { access_log off; ${temporary.join(" ")}
${text}
}
`;
}

async function isOpen(port: number): Promise<boolean> {
  try {
    using _ = await Deno.connect({ port });
    return true;
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 10));
    return false;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
