import { Hono } from "hono";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import {
  decodeRoundRequest,
  encodeRoundResponse,
} from "../../sdk/wire/codec.ts";
import { shardRange } from "../../sdk/wire/messages.ts";
import { mayUse } from "../access/principal.ts";
import { requireRole } from "../access/require_role.ts";
import { accountDigest } from "../access/account_digest.ts";
import { type AdmissionEnv, admit } from "../admission/admit.ts";
import type { Context } from "./context.ts";
import { answerRound } from "../rounds/answer_round.ts";
import { chargeBudget, valuesOf } from "../admission/budget.ts";
import type { Sealing } from "../rounds/keyring.ts";
import type { Limits } from "../admission/body.ts";
import { modelNotFound, type ModelStore } from "../models/model_store.ts";
import type { PreparedModel } from "../rounds/prepared_model.ts";
import { spendToken } from "../stores/spent_tokens.ts";
import type { TokenContent } from "../rounds/sealed_token.ts";
import { telemetryOf } from "../telemetry/call_telemetry.ts";

/** POST /v1/rounds/{index}?shard={i}/{k}: evaluates one round, or a part of it. */
export function roundRoutes(context: Context): Hono<AdmissionEnv> {
  const { keyring, clock, kernel, limits } = context;
  const isClient = requireRole(context.access, "client");
  const admitted = admit(context, { startsSession: false });
  const path = "/:index{[0-9]{1,4}}";
  const routes = new Hono<AdmissionEnv>();
  return routes.post(path, isClient, admitted, async (c) => {
    const notes = telemetryOf(c.req.raw);
    const principal = c.get("principal");
    const body = c.get("body");
    if (context.threads) return context.threads.answer(c.req.raw, body);
    const started = performance.now();
    notes.add({ bytesIn: body.length });
    notes.enter("decode");
    const { token, ciphertexts } = decodeRoundRequest(body);
    const index = Number(c.req.param("index"));
    const [shard, shards] = parseShard(c.req.query("shard"), limits.shards);

    notes.enter("verify");
    const sealing = keyring.sealingOf(token);
    const content = sealing.sealer.open(token, clock());
    if (content.round !== index) {
      throw new CipherlayerError(
        "token-mismatch",
        `Cannot evaluate round ${index}: expected a token for it, got one for round ${content.round}`,
      );
    }
    if (!equal(content.account, accountDigest(principal))) {
      throw new CipherlayerError(
        "token-mismatch",
        "Cannot evaluate round: the session was started by another account; start a new one",
      );
    }
    // The right to use it may have been taken away since the session began.
    if (!mayUse(principal, content.model)) throw modelNotFound(content.model);
    notes.enter("prepare");
    const prepared = await preparedFor(context.models, sealing, content);
    const { answers } = prepared.round(index);
    const [from, to] = shardRange(answers, shard, shards);
    const range = { from, to };
    const { products } = prepared.round(index).method(shards);
    const ciphertextBytes = 2 * content.modulus.length;
    const modulusBits = 8 * content.modulus.length;
    notes.add({
      model: content.model,
      version: content.version,
      round: index,
      rounds: prepared.plan.rounds.length,
      shard,
      shards,
      samples: content.samples,
      keyBits: modulusBits,
      products: Math.round(
        products.multiplications + products.squarings,
      ),
      ciphertextsIn: Math.floor(ciphertexts.length / ciphertextBytes),
    });
    notes.enter("admit");
    checkWork(prepared, { index, shards, modulusBits }, limits);
    if (context.budget) {
      const { layout } = prepared.plan.rounds[index];
      await chargeBudget(context.budget, {
        account: principal.account,
        model: content.model,
        values: valuesOf(layout, range),
        nowMs: clock(),
      });
    }
    if (index >= prepared.firstSingleUse) {
      const { expiresAt } = content;
      await spendToken(context.nonces, token, ciphertexts, expiresAt);
    }
    notes.enter("evaluate");
    const answer = await answerRound({ ...sealing, kernel }, {
      prepared,
      content,
      token,
      ciphertexts,
      range,
      shards,
      signal: c.req.raw.signal,
      onPhase: (part) => notes.evaluating(part),
    });
    notes.enter("encode");
    const evaluateMs = (performance.now() - started).toFixed(1);
    const response = encodeRoundResponse(answer);
    notes.add({
      ciphertextsOut: answer.ciphertexts.length / ciphertextBytes,
      bytesOut: response.length,
    });
    return c.body(
      response as Uint8Array<ArrayBuffer>,
      200,
      {
        "content-type": "application/cbor",
        "server-timing": `evaluate;dur=${evaluateMs}`,
      },
    );
  });
}

/**
 * The model that a token was sealed for.
 *
 * @throws {CipherlayerError} `model-not-found`, `model-changed`, `token-mismatch`
 */
async function preparedFor(
  models: ModelStore,
  { prepared }: Sealing,
  content: TokenContent,
): Promise<PreparedModel> {
  const model = await models.load(content.model, content.version);
  const { version } = model.manifest;
  if (version !== content.version) {
    throw new CipherlayerError(
      "model-changed",
      `Cannot go on: model ${content.model} was version ${content.version} and is now ${version}; start a new session`,
    );
  }
  const modulusBits = 8 * content.modulus.length;
  const { samples } = content;
  const found = prepared.get(model, { modulusBits, samples });
  if (!equal(found.planHash, content.planHash)) {
    throw new CipherlayerError(
      "token-mismatch",
      "Cannot go on: the token was sealed for another plan; start a new session",
    );
  }
  return found;
}

/** @throws {CipherlayerError} `too-much-work` for fewer shards than the plan asks for */
function checkWork(
  prepared: PreparedModel,
  call: { index: number; shards: number; modulusBits: number },
  { maxMillisecondsPerCall: max }: Limits,
): void {
  if (max === Infinity) return;
  const { index, shards, modulusBits } = call;
  const predictedMs = prepared.round(index).predictedMs(shards, modulusBits);
  if (predictedMs > max) {
    throw new CipherlayerError(
      "too-much-work",
      `Cannot evaluate round ${index}: expected a call of at most ${max} ms, got ${
        Math.ceil(predictedMs)
      } ms; the plan splits the round in ${prepared.plan.rounds[index].shards}`,
    );
  }
}

function parseShard(
  text: string | undefined,
  max: number,
): [shard: number, shards: number] {
  if (text === undefined) return [0, 1];
  const match = /^(\d{1,4})\/(\d{1,4})$/.exec(text);
  const shard = Number(match?.[1]), shards = Number(match?.[2]);
  if (!match || shards > max || shard >= shards) {
    throw new CipherlayerError(
      "malformed",
      `Cannot read shard: expected i/k with i < k <= ${max}`,
    );
  }
  return [shard, shards];
}

function equal(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length &&
    left.every((byte, i) => byte === right[i]);
}
