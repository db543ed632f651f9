/**
 * What the functions are allowed on Deno: no more than their settings ask for.
 *
 * @module
 */
import { existsSync, realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { splitState } from "../stores/open_state.ts";
import type { CertificateFiles } from "./certificate.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** Threads are started from files, which have to be read. */
const code = ["functions", "sdk", "models", "std"].map((name) => root + name);

/**
 * Flags of `deno run`.
 *
 * @param env settings as `functions/main.ts` lists them
 * @param place where to listen
 */
export function permissionsFor(
  env: Readonly<Record<string, string | undefined>>,
  { models, hostname, port, certificate }: {
    models: string;
    hostname: string;
    port: number;
    certificate?: CertificateFiles;
  },
): string[] {
  const read = [...code, models];
  for (const path of certificate ? Object.values(certificate) : []) {
    read.push(path);
    // Renewed, it may be a link to another file beside the one it is now.
    if (existsSync(path)) read.push(dirname(realpathSync(path)));
  }
  const write: string[] = [];
  // The server behind the listener takes another port on loopback.
  const net = ["127.0.0.1", `${hostname}:${port}`];
  const {
    CIPHERLAYER_STATE: state = "",
    CIPHERLAYER_STORE: store,
    CIPHERLAYER_ACCESS: access,
  } = env;
  const [kind, path] = splitState(state);
  if (kind === "folder") {
    read.push(resolve(path));
    write.push(resolve(path));
  } else if (kind !== "kv") {
    if (state) net.push(...hostsOf(state));
  } else if (/^https?:/.test(path)) net.push(new URL(path).host);
  else if (path && path !== ":memory:") {
    // SQLite has files beside it.
    read.push(dirname(resolve(path)));
    write.push(dirname(resolve(path)));
  }
  if (store?.startsWith("s3:")) net.push(s3Host(env));
  else if (store && store !== "state") {
    read.push(resolve(store));
    write.push(resolve(store));
  }
  if (access && !access.trimStart().startsWith("{")) {
    read.push(resolve(access));
  }
  return [
    "--allow-env",
    `--allow-read=${read.join()}`,
    ...write.length > 0 ? [`--allow-write=${write.join()}`] : [],
    `--allow-net=${net.join()}`,
  ];
}

/** Of a database, with the port that its driver asks for. */
function hostsOf(url: string): string[] {
  const hosts = /^[a-z]+:\/\/(?:[^@/]*@)?([^/?]+)/i.exec(url)?.[1] ?? "";
  const port = url.startsWith("postgres") ? 5432 : 6379;
  return hosts.split(",").map((host) =>
    /:\d+$/.test(host) ? host : `${host}:${port}`
  );
}

function s3Host(env: Readonly<Record<string, string | undefined>>): string {
  const endpoint = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
  if (endpoint) return new URL(endpoint).host;
  return `s3.${env.AWS_REGION || "us-east-1"}.amazonaws.com`;
}
