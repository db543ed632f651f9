/**
 * The functions on Node 20 or later: `deno task serve --on node`, or written by
 * `--build` and started by `node functions.mjs`. Settings as `node_server.ts` lists
 * them, and where to listen: `HOST` and `PORT`, default 127.0.0.1 and 8000, and
 * `TLS_CERT` and `TLS_KEY`, the files of a certificate and its key, default: plain HTTP.
 *
 * @module
 */
import process from "node:process";
import { certificateFiles } from "./certificate.ts";
import { startNodeServer } from "./node_server.ts";

async function serve(): Promise<void> {
  const { env } = process;
  await startNodeServer({
    hostname: env.HOST ?? "127.0.0.1",
    port: Number(env.PORT ?? 8000),
    certificate: certificateFiles(env),
  });
}

await serve().catch(({ message }: Error) => {
  console.error(`error: ${message}`);
  process.exit(1);
});
