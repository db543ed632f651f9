/**
 * The command line and the functions as npm packages, installed in an empty folder.
 *
 * @module
 */
import { join } from "node:path";
// Fetched by being imported; `dependencies` below needs their folders.
import "../../cli/commands/mod.ts";
import { packCommand, packFunctions } from "../../cli/release/pack_programs.ts";
import { dependencyOf, installTarballs } from "./installed.ts";

const dependencies = [
  "@bufbuild/protobuf/wire",
  "@hono/node-server",
  "@noble/ciphers/aes.js",
  "@noble/curves/ed25519.js",
  "@noble/hashes/sha2.js",
  "@opentelemetry/api",
  "@redis/client",
  "aws4fetch",
  "cborg",
  "commander",
  "csv-parse/sync",
  "fast-png",
  "fflate",
  "hono",
  "jose",
  "postgres",
  "prom-client",
].map((entry) => import.meta.resolve(entry));
const ofOthers = [["fast-png", "iobuffer"], ["prom-client", "tdigest"]]
  .map(([name, needed]) => dependencyOf(import.meta.resolve(name), needed));
ofOthers.push(dependencyOf(ofOthers[1], "bintrees"));

/** Packs them and installs them, offline; the command is then where it says. */
export async function installPrograms(folder: string): Promise<string> {
  const tarballs = ["cipherlayer.tgz", "cipherlayer-functions.tgz"]
    .map((name) => join(folder, name));
  await Promise.all([packCommand(tarballs[0]), packFunctions(tarballs[1])]);
  await installTarballs(folder, tarballs, [...dependencies, ...ofOthers]);
  return `${folder}/node_modules/.bin/cipherlayer`;
}

/** Where a server listens, which it tells on stderr. */
export async function listening(
  stream: ReadableStream<Uint8Array>,
): Promise<string> {
  let printed = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream.values({ preventCancel: true })) {
    printed += decoder.decode(chunk, { stream: true });
    const url = /Listening on (http:\S+)/.exec(printed)?.[1];
    if (url) return url;
  }
  throw new Error(`The server ended: ${printed}`);
}
