/**
 * Connect, infer, done. Start the functions first:
 *
 *   deno task serve --port 8000
 *   deno run -A examples/01_quickstart.ts http://127.0.0.1:8000
 *
 * @module
 */
import { connect, generatePrivateKey } from "@cipherlayer/sdk";
import { digitSample } from "./digits/samples.ts";

const url = Deno.args[0] ?? "http://127.0.0.1:8000";
const { digit, picture } = digitSample(3);

// The key pair never leaves this process. A real gateway stores it.
const keys = await generatePrivateKey(2048);

await using session = await connect({
  url,
  model: "lenet-mnist",
  // What the model takes and tells; `cipherlayer inspect` prints it. No other is let in.
  contract:
    "sha256:2084474fe35ee060629769e19c4a5e8127a8b78f2d1091b1ff3459fc35bc59ec",
  keys,
});
session.addEventListener("round", ({ detail }) => {
  const { round, rounds, report } = detail;
  console.log(`round ${round + 1}/${rounds}: ${report.totalMs.toFixed(0)} ms`);
});

const reading = Array.from(picture, (value) => value / 255);
const answer = await session.infer(reading);

console.log(`Drew a ${digit}; the cloud, blind, says ${answer.predicted}.`);
