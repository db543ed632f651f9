/** One inference with the functions, message by message. */
import { applySteps } from "../../sdk/activations/apply.ts";
import type { IntegerTensor } from "../../sdk/fixed_point/integer_tensor.ts";
import { packInputs, unpackAnswers } from "../../sdk/fixed_point/packing.ts";
import type {
  RoundRequest,
  RoundResponse,
  SessionRequest,
  SessionResponse,
} from "../../sdk/wire/messages.ts";
import {
  askRound,
  type Functions,
  modulus,
  owner,
  startSession,
} from "../support/gateway.ts";
import { randomReading } from "../reference/tiny_models.ts";
import { fuzzedModel } from "./fixtures.ts";

export interface Walk {
  start: SessionRequest;
  session: SessionResponse;
  rounds: { request: RoundRequest; answer: RoundResponse }[];
}

/** A whole inference of `fuzzedModel`. */
export async function walk(app: Functions): Promise<Walk> {
  const { name } = fuzzedModel.manifest;
  const proof = await owner.keyProof();
  const session = await startSession(app, name);
  const { plan } = session;
  const samples = [randomReading(fuzzedModel, 3)];
  const live = new Map<string, IntegerTensor>([
    ["input", { shape: plan.inputs[0].shape, samples }],
  ]);
  const rounds: Walk["rounds"] = [];
  let { token } = session;
  for (const [index, { layout, steps, writes }] of plan.rounds.entries()) {
    const plaintexts = packInputs(layout, live, owner.publicKey.modulus);
    const ciphertexts = await owner.encryptBatch(plaintexts);
    const request = { token, ciphertexts };
    const answer = await askRound([app], index, request);
    rounds.push({ request, answer });
    token = answer.token;
    const decrypted = await owner.decryptBatch(answer.ciphertexts);
    live.set(
      writes,
      applySteps(steps, unpackAnswers(layout, decrypted), { live }),
    );
  }
  return {
    start: { model: name, modulus, proof, samples: 1 },
    session,
    rounds,
  };
}
