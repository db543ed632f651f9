/**
 * The functions on Node 20 or later: `deno task serve --on node`, or written by
 * `--build` and started by `node functions.mjs`. Settings as `node_server.ts` lists
 * them, and `HOST` and `PORT`: where to listen, default 127.0.0.1 and 8000.
 *
 * @module
 */
import process from "node:process";
import { startNodeServer } from "./node_server.ts";

const { HOST: hostname = "127.0.0.1", PORT: port = "8000" } = process.env;

await startNodeServer({ hostname, port: Number(port) })
  .catch(({ message }: Error) => {
    console.error(`error: ${message}`);
    process.exit(1);
  });
