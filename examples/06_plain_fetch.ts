/**
 * The protocol by hand, to see all of it: one call opens a session, one call a
 * round. A `Session` does this and retries, shards and checks besides.
 *
 *   deno task serve --port 8000
 *   deno run -A examples/06_plain_fetch.ts http://127.0.0.1:8000
 *
 * @module
 */
import { generatePrivateKey, PaillierEngine } from "@cipherlayer/sdk";
import {
  applySteps,
  decodeRoundResponse,
  decodeSessionResponse,
  encodeRoundRequest,
  encodeSessionRequest,
  inputActivations,
  packInputs,
  quantise,
  unpackAnswers,
} from "@cipherlayer/sdk/protocol";

const url = Deno.args[0] ?? "http://127.0.0.1:8000";

async function post(path: string, body: Uint8Array): Promise<Uint8Array> {
  const response = await fetch(`${url}/v1/${path}`, {
    method: "POST",
    headers: { "content-type": "application/cbor" },
    body: body as Uint8Array<ArrayBuffer>,
  });
  if (!response.ok) throw new Error(await response.text());
  const answer = await response.bytes();
  console.log(`${path}: ${body.length} bytes up, ${answer.length} down`);
  return answer;
}

using owner = new PaillierEngine(await generatePrivateKey(2048));

// The cloud gets N and a proof that it is well-formed; it gives geometry and a token.
const session = decodeSessionResponse(
  await post(
    "sessions",
    encodeSessionRequest({
      model: "occupancy",
      modulus: owner.publicKey.toBytes(),
      proof: owner.keyProof(),
      samples: 1,
    }),
  ),
);
const { plan } = session;
let { token } = session;

// The reading becomes integers; each round reads activations and writes one.
const reading = quantise(
  { temperature: 22, humidity: 29, light: 460, co2: 950 },
  plan,
);
const live = inputActivations([reading], plan.inputs);
for (
  const [index, { layout, steps, writes, shards }] of plan.rounds.entries()
) {
  if (shards !== 1) throw new Error("This example asks for whole rounds");
  const plaintexts = packInputs(layout, live, owner.publicKey.modulus);
  const ciphertexts = await owner.encryptBatch(plaintexts);
  const answer = decodeRoundResponse(
    await post(
      `rounds/${index}?shard=0/1`,
      encodeRoundRequest({ token, ciphertexts }),
    ),
  );
  token = answer.token; // opens the next round
  const accumulators = unpackAnswers(
    layout,
    await owner.decryptBatch(answer.ciphertexts),
  );
  live.set(writes, applySteps(steps, accumulators, { live }));
}

// This model reveals its label alone: the last round gives its number.
const [{ tensor, labels }] = plan.outputs;
const [[label]] = live.get(tensor)!.samples;
console.log(`The room is ${labels?.[label]}.`);
