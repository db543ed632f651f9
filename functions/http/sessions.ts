import { Hono } from "hono";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import {
  bigIntFromBytes,
  bitLength,
} from "../../sdk/paillier/public/big_integer.ts";
import { verifyKeyProof } from "../../sdk/paillier/public/key_proof.ts";
import type { RandomSource } from "../../sdk/support/random.ts";
import {
  decodeSessionRequest,
  encodeSessionResponse,
} from "../../sdk/wire/codec.ts";
import { accountDigest, mayUse } from "../access/principal.ts";
import { requireRole } from "../access/require_role.ts";
import {
  type AdmissionEnv,
  type AdmissionOptions,
  admit,
} from "../admission/admit.ts";
import { tooManyStarts } from "../admission/gate.ts";
import { modelNotFound, type ModelStore } from "../models/model_store.ts";
import type { Keyring } from "../rounds/keyring.ts";
import { telemetryOf } from "../telemetry/call_telemetry.ts";
import type { EvaluationThreads } from "../threads/threads.ts";

const nonceBytes = 16;

export interface SessionRoutesOptions extends AdmissionOptions {
  models: ModelStore;
  keyring: Keyring;
  random: RandomSource;
  /** Also accept keys of 512 to 2047 bits. */
  insecureKeys: boolean;
  /** Where rounds will be evaluated, if not here. */
  threads?: EvaluationThreads;
}

/** POST /v1/sessions: checks the key, tells the plan, seals the first token. */
export function sessionRoutes(
  options: SessionRoutesOptions,
): Hono<AdmissionEnv> {
  const { models, keyring, clock, random, limits, threads } = options;
  const { prepared, sealer, banks } = keyring.current;
  const isClient = requireRole(options.access, "client");
  const admitted = admit(options, { startsSession: true });
  const routes = new Hono<AdmissionEnv>();
  return routes.post("/", isClient, admitted, async (c) => {
    const notes = telemetryOf(c.req.raw);
    const principal = c.get("principal");
    const body = c.get("body");
    notes.add({ bytesIn: body.length });
    notes.enter("decode");
    const request = decodeSessionRequest(body);
    const { samples } = request;
    if (samples > limits.samples) {
      throw new CipherlayerError(
        "unsupported",
        `Cannot start session: expected at most ${limits.samples} samples, got ${samples}`,
      );
    }
    notes.enter("prepare");
    if (!mayUse(principal, request.model)) throw modelNotFound(request.model);
    const model = await models.load(request.model);
    const { name, version } = model.manifest;
    notes.add({ model: name, version, samples });
    notes.enter("verify");
    const modulus = bigIntFromBytes(request.modulus);
    const modulusBits = bitLength(modulus);
    verifyKeyProof(modulus, request.proof, { insecure: options.insecureKeys });
    if (request.modulus.length * 8 !== modulusBits) {
      throw new CipherlayerError(
        "key-rejected",
        `Cannot accept public key: expected ${
          modulusBits / 8
        } bytes without leading zeros, got ${request.modulus.length}`,
      );
    }
    notes.add({ keyBits: modulusBits });
    notes.enter("prepare");
    const { plan, planHash, usesBank, answers } = prepared.get(model, {
      modulusBits,
      samples,
    });
    if (usesBank) {
      // With threads not awaited: ready, or nearly, when the first round comes.
      if (threads) threads.announce(c.req.raw, body);
      else if (!banks.isFree(modulus)) throw tooManyStarts();
      else await banks.prepare(modulus, answers);
    }
    notes.enter("encode");
    const expiresAt = clock() + limits.tokenLifetimeMs;
    const token = sealer.seal({
      model: name,
      version,
      planHash,
      samples,
      round: 0,
      modulus: request.modulus,
      nonce: random(nonceBytes),
      orders: [],
      account: accountDigest(principal),
      expiresAt,
    });
    const response = encodeSessionResponse({
      model: name,
      version,
      token,
      expiresAt,
      plan,
    });
    notes.add({ bytesOut: response.length });
    return c.body(response as Uint8Array<ArrayBuffer>, 200, {
      "content-type": "application/cbor",
    });
  });
}
