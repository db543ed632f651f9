/**
 * What comes before the first inference: options checked, the key loaded, a session
 * asked for and its plan checked.
 *
 * @module
 */
import { checkActivations } from "../activations/registry.ts";
import {
  isSealed,
  sealedRoundsPaced,
} from "../garbling/rounds/sealed_rounds.ts";
import { isContract } from "../keys/contract_store.ts";
import type { KeyStore } from "../keys/key_store.ts";
import { PaillierEngine } from "../paillier/private/paillier_engine.ts";
import { PrivateKey } from "../paillier/private/private_key.ts";
import { SealedInferences } from "../sealed/run_inference.ts";
import type { Transfers } from "../sealed/transfers.ts";
import { CipherlayerError } from "../support/errors.ts";
import { decodeSessionResponse, encodeSessionRequest } from "../wire/codec.ts";
import type { SessionResponse } from "../wire/messages.ts";
import { checkPlan } from "./check_plan.ts";
import { runInference } from "./inference.ts";
import type { ConnectOptions } from "./session_options.ts";
import type { Reply } from "./transport.ts";

const maxSessionBytes = 1 << 24;

/** @throws {TypeError} {RangeError} naming the option that is not what it should be */
export function checkOptions(options: ConnectOptions): void {
  const { samples = 1, paceMs = 0, contract, model } = options;
  if (!(paceMs >= 0 && paceMs <= 60_000)) {
    throw new RangeError(
      `Cannot connect: expected paceMs from 0 to 60,000, got ${paceMs}`,
    );
  }
  if (!Number.isSafeInteger(samples) || samples < 1) {
    throw new RangeError(
      `Cannot connect: expected samples to be a positive integer, got ${samples}`,
    );
  }
  if (typeof model !== "string" || model === "") {
    throw new TypeError("Cannot connect: expected model to be a name");
  }
  if (contract !== undefined && !isContract(contract)) {
    throw new TypeError(
      `Cannot connect: expected contract to be "sha256:" and 64 hexadecimal digits, got ${
        JSON.stringify(contract)?.slice(0, 100)
      }`,
    );
  }
}

/**
 * Proves the key, and fetches plan and first token.
 *
 * @param post a call to the functions, with retries
 * @throws as `connect` does
 */
export async function openSession(
  options: ConnectOptions,
  owner: PaillierEngine,
  post: (path: string, body: Uint8Array, maxBytes: number) => Promise<Reply>,
): Promise<SessionResponse> {
  const { samples = 1, model } = options;
  const { publicKey } = owner;
  const body = encodeSessionRequest({
    model,
    modulus: publicKey.toBytes(),
    proof: owner.keyProof(),
    samples,
  });
  const reply = await post("v1/sessions", body, maxSessionBytes);
  const opened = decodeSessionResponse(reply.body);
  if (opened.model !== model) {
    throw new CipherlayerError(
      "malformed",
      `Cannot connect: expected a session of model ${model}, got one of ${
        JSON.stringify(opened.model.slice(0, 100))
      }`,
    );
  }
  checkPlan(opened.plan, {
    samples,
    modulusBits: publicKey.modulusBits,
    limits: options.planLimits,
  });
  if (opened.plan.states.length > 0 && samples > 1) {
    throw new RangeError(
      `Cannot connect: expected samples to be 1 for a model whose readings follow each other, got ${samples}`,
    );
  }
  for (const { steps } of opened.plan.rounds) {
    checkActivations(steps, options.activations ?? new Map());
  }
  return opened;
}

/**
 * What runs inferences of a session: those of an open plan, round by round, or those
 * of a sealed one, whose oblivious transfers are set up now unless they are already.
 *
 * @param transfers of this gateway: they outlive renewed sessions
 * @param post a call to the functions, with retries
 * @throws {CipherlayerError} `unsupported` if the plan is sealed and too large, and as calls do
 * @throws the reason of `signal` if it has been aborted
 */
export async function inferencesOf(
  { plan, token }: SessionResponse,
  { transfers, post, signal }: {
    transfers: Transfers;
    post: (path: string, body: Uint8Array, maxBytes: number) => Promise<Reply>;
    signal: AbortSignal;
  },
): Promise<typeof runInference> {
  if (!isSealed(plan)) return runInference;
  const rounds = await sealedRoundsPaced(plan, signal);
  const inferences = new SealedInferences(plan, rounds, transfers);
  await inferences.prepare(
    token,
    async (path, body, maxBytes) =>
      (await post(`v1/sealed/${path}`, body, maxBytes)).body,
  );
  return (...inference) => inferences.run(...inference);
}

export function isKeyStore(keys: ConnectOptions["keys"]): keys is KeyStore {
  return !(keys instanceof PaillierEngine || keys instanceof PrivateKey);
}

/**
 * The key given, or the current one of the store given.
 *
 * @throws {TypeError} if it is none of these, or the store holds no key
 */
export async function loadKey(
  keys: ConnectOptions["keys"],
): Promise<PrivateKey | PaillierEngine> {
  if (!isKeyStore(keys)) return keys;
  if (typeof keys?.load !== "function") {
    throw new TypeError(
      "Cannot connect: expected keys to be a private key, a PaillierEngine or a key store",
    );
  }
  const key = await keys.load();
  if (key === null) {
    throw new TypeError(
      "Cannot connect: expected a key in the store, got none",
    );
  }
  return key;
}
