/**
 * A gateway that infers twice and tells when; `small_gateways.ts` runs it in Deno and
 * Node.
 *
 * @module
 */
// A gateway that infers twice and tells when; run by `small_gateways.ts`, in Deno and Node.
import process from "node:process";
import { connect, importPrivateJwk } from "@cipherlayer/sdk";

const { url, model, jwk, reading, memory } = JSON.parse(process.argv[2]);
const session = await connect({
  url,
  model,
  keys: importPrivateJwk(jwk),
  memory,
});
for (let i = 0; i < 2; i++) {
  const { predicted } = await session.infer(reading);
  console.log(predicted);
}
await session.close();
// Stays until its memory has been read.
process.stdin.resume();
