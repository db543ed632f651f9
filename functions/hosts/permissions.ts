/**
 * What the functions are allowed on Deno: no more than their settings ask for.
 *
 * @module
 */
import { existsSync, realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
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
  // The server behind the listener takes a port of its own on loopback.
  const net = ["127.0.0.1", `${hostname}:${port}`];
  const {
    CIPHERLAYER_KV: kv,
    CIPHERLAYER_STORE: store,
    CIPHERLAYER_ACCESS: access,
  } = env;
  if (kv && /^https?:/.test(kv)) net.push(new URL(kv).host);
  else if (kv && kv !== ":memory:") {
    // SQLite has files beside it.
    read.push(dirname(resolve(kv)));
    write.push(dirname(resolve(kv)));
  }
  if (store?.startsWith("s3:")) net.push(s3Host(env));
  else if (store && store !== "kv") {
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

function s3Host(env: Readonly<Record<string, string | undefined>>): string {
  const endpoint = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
  if (endpoint) return new URL(endpoint).host;
  return `s3.${env.AWS_REGION || "us-east-1"}.amazonaws.com`;
}
