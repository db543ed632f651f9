/**
 * The gateway's side in a few lines, for tests of the functions: calls go straight
 * to the application, and channel orders are undone by opening the tokens.
 */
import { applySteps } from "../../sdk/activations/apply.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { IntegerTensor } from "../../sdk/fixed_point/integer_tensor.ts";
import { packInputs, unpackAnswers } from "../../sdk/fixed_point/packing.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import {
  decodeRoundResponse,
  decodeSessionResponse,
  encodeRoundRequest,
  encodeSessionRequest,
} from "../../sdk/wire/codec.ts";
import type {
  RoundRequest,
  RoundResponse,
  SessionResponse,
} from "../../sdk/wire/messages.ts";
import { expandOrder } from "../../functions/rounds/arithmetic/order.ts";
import { drawOrder, orderUnits } from "../../functions/rounds/privacy/order.ts";
import { TokenSealer } from "../../functions/rounds/sealed_token.ts";
import { testKey } from "../vectors/keys.ts";

/** Functions, called in this process or over HTTP. */
export interface Functions {
  request(path: string, init: RequestInit): Response | Promise<Response>;
}

export const sealingKey: Uint8Array = new Uint8Array(32).fill(7);

/** One owner for all tests of a process: its tables take a while. */
export const owner: PaillierEngine = new PaillierEngine(testKey(512));
export const modulus: Uint8Array = owner.publicKey.toBytes();

/** Posts a CBOR body. */
export function post(
  app: Functions,
  path: string,
  body: Uint8Array,
): Promise<Response> {
  return Promise.resolve(app.request(path, {
    method: "POST",
    headers: { "content-type": "application/cbor" },
    body: body as Uint8Array<ArrayBuffer>,
  }));
}

/** The answer's body; a problem document becomes the error that it tells. */
async function bodyOf(response: Response): Promise<Uint8Array> {
  if (!response.ok) {
    const { code, detail, retryable, status } = await response.json();
    if (status !== response.status) throw new Error("statuses differ");
    throw new CipherlayerError(code, detail, { retryable });
  }
  return new Uint8Array(await response.arrayBuffer());
}

export async function startSession(
  app: Functions,
  model: string,
  samples = 1,
): Promise<SessionResponse> {
  const proof = await owner.keyProof();
  const body = encodeSessionRequest({ model, modulus, proof, samples });
  return decodeSessionResponse(
    await bodyOf(await post(app, "/v1/sessions", body)),
  );
}

/** Asks for a round in `shards` parts, each from one of `apps` in turn. */
export async function askRound(
  apps: Functions[],
  index: number,
  request: RoundRequest,
  shards = 1,
): Promise<RoundResponse> {
  const body = encodeRoundRequest(request);
  const parts = await Promise.all(
    Array.from({ length: shards }, async (_, shard) => {
      const app = apps[(index + shard) % apps.length];
      const path = `/v1/rounds/${index}?shard=${shard}/${shards}`;
      return decodeRoundResponse(await bodyOf(await post(app, path, body)));
    }),
  );
  const { token } = parts[0];
  if (parts.some((part) => `${part.token}` !== `${token}`)) {
    throw new Error("shards carry different tokens");
  }
  const bytes = parts.flatMap((part) => [...part.ciphertexts]);
  return { token, ciphertexts: Uint8Array.from(bytes) };
}

/**
 * Runs a whole inference; returns each round's accumulators in the model's order
 * of channels, as `simulate` gives them, for each sample.
 */
export async function infer(
  apps: Functions[],
  session: SessionResponse,
  readings: Float64Array[],
  shards = 1,
): Promise<Float64Array[][]> {
  const { plan } = session;
  const live = new Map<string, IntegerTensor>([
    ["input", { shape: plan.inputs[0].shape, samples: readings }],
  ]);
  const rounds: Float64Array[][] = [];
  let { token } = session;
  for (const [index, round] of plan.rounds.entries()) {
    const plaintexts = packInputs(round.layout, live, owner.publicKey.modulus);
    const ciphertexts = await owner.encryptBatch(plaintexts);
    const answer = await askRound(apps, index, { token, ciphertexts }, shards);
    token = answer.token;
    const accumulators = unpackAnswers(
      round.layout,
      await owner.decryptBatch(answer.ciphertexts),
    );
    live.set(round.writes, applySteps(round.steps, accumulators, { live }));
    const order = await outputOrder(session, index, token);
    rounds.push(
      accumulators.samples.map((sample) => restore(sample, order)),
    );
  }
  return rounds;
}

/** The order in which round `index` sent its elements, from the token it gave. */
async function outputOrder(
  { plan }: SessionResponse,
  index: number,
  token: Uint8Array,
): Promise<Uint32Array | null> {
  const units = orderUnits(plan, index);
  if (units === 1) return null;
  const { orders } = new TokenSealer(sealingKey).open(token, 0);
  const found = orders.find(({ round }) => round === index);
  if (!found) throw new Error(`token without the order of round ${index}`);
  return await drawOrder(found.seed, units);
}

function restore(sample: Float64Array, order: Uint32Array | null) {
  if (!order) return sample;
  const restored = new Float64Array(sample.length);
  expandOrder(order, sample.length).forEach((element, place) => {
    restored[element] = sample[place];
  });
  return restored;
}
