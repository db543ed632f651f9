/**
 * The garbled call of a sealed round: unmask, steps, re-share; in the last round the
 * number of the largest score.
 *
 * @module
 */
import { answerCiphertexts } from "../../../sdk/fixed_point/layout.ts";
import type { GateKernel } from "../../../sdk/garbling/gate_kernel.ts";
import { wordsOfInteger } from "../../../sdk/garbling/rounds/bits.ts";
import { garbleStages } from "../../../sdk/garbling/rounds/run.ts";
import { shardStages } from "../../../sdk/garbling/rounds/shard.ts";
import {
  bigIntFromBytes,
  bitLength,
} from "../../../sdk/paillier/public/big_integer.ts";
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import { bytesOfWords } from "../../../sdk/transfer/bytes.ts";
import { checkTransfers } from "../../../sdk/transfer/chain.ts";
import type {
  ActivationHead,
  ActivationRequest,
} from "../../../sdk/wire/sealed_messages.ts";
import { checkModel, checkOwner, type SealedContext } from "./answer_linear.ts";
import { knowledgeOf } from "./knowledge.ts";
import type { SealedModel } from "./sealed_model.ts";
import {
  answerMasks,
  callSeed,
  purposeSeed,
  saltOf,
  type SealedRequest,
  shareMasks,
} from "./seeds.ts";
import type { ActivationToken, BatchToken, ShareSeed } from "./token.ts";

/** A garbled call whose tokens have been opened. */
export interface ActivationJob {
  model: SealedModel;
  content: ActivationToken;
  batch: BatchToken;
  request: ActivationRequest;
  /** The request as it came: the same in all shards. */
  received: SealedRequest;
  shard: number;
  shards: number;
}

/** An answer: its chunks are garbled when they are asked for. */
export interface ActivationAnswer {
  head: ActivationHead;
  chunks: Generator<Uint8Array, void>;
}

/**
 * Answers a garbled call. The same request gives the same bytes on every instance; no
 * refusal depends on Delta, labels or masks.
 *
 * @throws {CipherlayerError} `malformed`, `model-changed`, `token-mismatch`
 */
export async function answerActivation(
  context: Pick<SealedContext, "sealingKey" | "tokens" | "transfers"> & {
    gates: GateKernel;
  },
  job: ActivationJob,
): Promise<ActivationAnswer> {
  checkActivation(job);
  const { model, content, batch, request, shard, shards } = job;
  const round = model.rounds[content.round];
  const count = round.chosen.bit.length;
  const seed = callSeed(
    context.sealingKey,
    "activation",
    job.received,
    round.digest,
  );
  const salt = saltOf(seed, shard, shards);
  const share = purposeSeed(seed, "share");
  const modulus = bigIntFromBytes(content.modulus);
  const answers = answerCiphertexts(model.plan.rounds[content.round].layout);
  const bits = bitLength(modulus);
  const masks = {
    answers: (await answerMasks(content.mask, answers, modulus))
      .map((mask) => wordsOfInteger(mask, bits)),
    shares: round.shares ? await shareMasks(share, round.shares) : [],
  };
  const { delta, labels } = context.transfers.zeroLabels(batch, {
    from: request.from,
    count,
    bits: request.choices,
  });
  const chunks = garbleStages(
    context.gates,
    shardStages(round.stages, shard, shards),
    {
      choices: labels,
      secrets: { delta, salt },
      knowledgeOf: (part, first, lanes) =>
        knowledgeOf(part, { masks, first, lanes }),
    },
  );
  const head = {
    token: nextToken(context, job, seed, share),
    salt: bytesOfWords(salt),
  };
  return { head, chunks };
}

/**
 * Refuses a call that cannot be garbled, by its form alone.
 *
 * @throws {CipherlayerError} as `answerActivation`
 */
export function checkActivation(
  { model, content, batch, request }: Pick<
    ActivationJob,
    "model" | "content" | "batch" | "request"
  >,
): void {
  checkModel(model, content);
  checkOwner(batch, content);
  const round = model.rounds[content.round];
  checkDigest(round.digest, content.digest);
  const count = round.chosen.bit.length;
  checkTransfers(request.from, count, batch.size);
  if (request.choices.length !== Math.ceil(count / 8)) {
    throw new CipherlayerError(
      "malformed",
      `Cannot garble round ${content.round}: expected ${count} choices, got ${request.choices.length} bytes of them`,
    );
  }
}

function checkDigest(own: Uint8Array, token: Uint8Array): void {
  if (own.every((byte, i) => byte === token[i])) return;
  throw new CipherlayerError(
    "model-changed",
    "Cannot garble a round: the token is of functions that garble other circuits; start a new inference",
  );
}

/** The token of the next linear call; empty after the last round. */
function nextToken(
  { tokens }: Pick<SealedContext, "tokens">,
  { model: { plan, lastReaders }, content }: ActivationJob,
  seed: Uint8Array,
  share: Uint8Array,
): Uint8Array {
  const { mask: _mask, digest: _digest, round, shares, ...state } = content;
  if (round === plan.rounds.length - 1) return new Uint8Array();
  const isRead = ({ round: writer }: ShareSeed) => lastReaders[writer] > round;
  return tokens.seal({
    ...state,
    opens: "linear",
    round: round + 1,
    nonce: purposeSeed(seed, "nonce", 16),
    shares: [...shares, { round, seed: share }].filter(isRead),
  });
}
