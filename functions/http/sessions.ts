/**
 * The route that starts a session.
 *
 * @module
 */
import { Hono } from "hono";
import type { ModelPackage } from "../../models/package/format.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import {
  bigIntFromBytes,
  bitLength,
} from "../../sdk/paillier/public/big_integer.ts";
import { keyProofCheck } from "../../sdk/paillier/public/key_proof.ts";
import type { RandomSource } from "../../sdk/support/random.ts";
import {
  decodeSessionRequest,
  encodeSessionResponse,
} from "../../sdk/wire/codec.ts";
import type {
  SessionRequest,
  SessionResponse,
} from "../../sdk/wire/messages.ts";
import { accountDigest, type Principal } from "../access/principal.ts";
import { requireRole } from "../access/require_role.ts";
import {
  type AdmissionEnv,
  type AdmissionOptions,
  admit,
} from "../admission/admit.ts";
import { type Budget, labelBudget } from "../admission/budget.ts";
import type { Work } from "../admission/turns.ts";
import type { ModelStore } from "../models/model_store.ts";
import type { Keyring } from "../rounds/keyring.ts";
import type { SealedModels } from "../rounds/sealed/sealed_models.ts";
import { runPaced, type Share } from "../rounds/privacy/paced.ts";
import { telemetryOf } from "../telemetry/call_telemetry.ts";
import type { EvaluationThreads } from "../threads/threads.ts";
import { loadModel } from "./session_checks.ts";

const nonceBytes = 16;
/** Mostly of the check of the key's proof: no light call. */
const startWork: Work = { predictedMs: 200, shards: 1, isFirstContact: true };

export interface SessionRoutesOptions extends AdmissionOptions {
  models: ModelStore;
  keyring: Keyring;
  random: RandomSource;
  /** Also accept keys of 512 to 2047 bits. */
  insecureKeys: boolean;
  /** Where keys are checked and plans made, if not here. */
  threads?: EvaluationThreads;
  sealedModels: SealedModels;
  /** Sealed models are served within one alone. */
  budget?: Budget;
}

/** POST /v1/sessions: checks the key, tells the plan, seals the first token. */
export function sessionRoutes(
  options: SessionRoutesOptions,
): Hono<AdmissionEnv> {
  const isClient = requireRole(options.access, "client");
  const { threads } = options;
  const admitted = admit(options, {
    startsSession: true,
    worksHere: !threads,
    workOf: () => startWork,
  });
  const routes = new Hono<AdmissionEnv>();
  return routes.post("/", isClient, admitted, async (c) => {
    const body = c.get("body");
    if (threads) return threads.answer(c.req.raw, body, c.var);
    const notes = telemetryOf(c.req.raw);
    const principal = c.get("principal");
    notes.add({ bytesIn: body.length });
    const request = await notes.during(
      "decode",
      () => decodeStart(options, body),
    );
    const { samples } = request;
    const model = await notes.during(
      "prepare",
      () => loadModel(options.models, { model: request.model }, principal),
    );
    const { name, version } = model.manifest;
    notes.add({ model: name, version, samples });
    const key = await notes.during(
      "verify",
      () => checkKey(options, request, c.get("share")),
    );
    notes.add({ keyBits: key.modulusBits });
    const { modulusBits } = key;
    const started = await notes.during(
      "prepare",
      () =>
        start(options, {
          request,
          principal,
          model,
          modulusBits,
          caller: c.get("share"),
        }),
    );
    const response = await notes.during(
      "encode",
      () => encodeSessionResponse({ model: name, version, ...started }),
    );
    notes.add({ bytesOut: response.length });
    return c.body(response as Uint8Array<ArrayBuffer>, 200, {
      "content-type": "application/cbor",
    });
  });
}

/** @throws {CipherlayerError} `unsupported` for more samples than are taken, and as the codec does */
function decodeStart(
  { limits }: Pick<SessionRoutesOptions, "limits">,
  body: Uint8Array,
): SessionRequest {
  const request = decodeSessionRequest(body);
  if (request.samples > limits.samples) {
    throw new CipherlayerError(
      "unsupported",
      `Cannot start session: expected at most ${limits.samples} samples, got ${request.samples}`,
    );
  }
  return request;
}

/**
 * @param caller whom the check counts for
 * @throws {CipherlayerError} `key-rejected`
 */
async function checkKey(
  { insecureKeys }: Pick<SessionRoutesOptions, "insecureKeys">,
  request: SessionRequest,
  caller?: Share,
): Promise<{ modulus: bigint; modulusBits: number }> {
  const modulus = bigIntFromBytes(request.modulus);
  const modulusBits = bitLength(modulus);
  const options = { insecure: insecureKeys };
  // Other callers are answered between its steps.
  const task = { usedMs: 0, caller };
  await runPaced(keyProofCheck(modulus, request.proof, options), { task });
  if (request.modulus.length * 8 !== modulusBits) {
    throw new CipherlayerError(
      "key-rejected",
      `Cannot accept public key: expected ${
        modulusBits / 8
      } bytes without leading zeros, got ${request.modulus.length}`,
    );
  }
  return { modulus, modulusBits };
}

/** A start whose key has been checked. */
interface Start {
  request: SessionRequest;
  principal: Principal;
  model: ModelPackage;
  modulusBits: number;
  /** Whom the planning counts for. */
  caller: Share;
}

/** The plan, and the token of the first call, of a sealed model as of any other. */
async function start(
  options: SessionRoutesOptions,
  job: Start,
): Promise<Pick<SessionResponse, "token" | "expiresAt" | "plan">> {
  const { keyring, clock, random, limits } = options;
  const { request: { samples, modulus }, principal, model } = job;
  const { modulusBits, caller } = job,
    { name, version, privacy } = model.manifest;
  const expiresAt = clock() + limits.tokenLifetimeMs;
  const common = {
    model: name,
    version,
    samples,
    round: 0,
    modulus,
    nonce: random(nonceBytes),
    account: accountDigest(principal),
    expiresAt,
  };
  const { sealer, sealedTokens, prepared } = keyring.current;
  if (privacy === "sealed") {
    labelBudget(options.budget);
    const size = { modulusBits, samples };
    const { plan, planHash } = await options.sealedModels.get(
      model,
      size,
      caller,
    );
    const token = sealedTokens.seal({
      ...common,
      opens: "linear",
      planHash,
      shares: [],
    });
    return { plan, expiresAt, token };
  }
  const ready = await prepared.get(model, { modulusBits, samples }, caller);
  const { plan, planHash } = ready, predictedMs = ready.predictedMs(0);
  const [{ shards }] = plan.rounds;
  const content = { ...common, planHash, predictedMs, shards, orders: [] };
  return { plan, expiresAt, token: sealer.seal(content) };
}
