/**
 * Sealed inferences with both sides in one process: real tokens, bodies, ciphertexts,
 * transfers and garbling; no HTTP.
 *
 * @module
 */
import {
  type ActivationAnswer,
  answerActivation,
} from "../../functions/rounds/sealed/answer_activation.ts";
import { answerLinear } from "../../functions/rounds/sealed/answer_linear.ts";
import { SealedModel } from "../../functions/rounds/sealed/sealed_model.ts";
import { SealedTokens } from "../../functions/rounds/sealed/token.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { makeKernel } from "../../sdk/garbling/kernel.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { bytesFromBigInt } from "../../sdk/paillier/public/big_integer.ts";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import { SealedInference } from "../../sdk/sealed/inference.ts";
import type { RandomSource } from "../../sdk/support/random.ts";
import { Codes, rootSize } from "../../sdk/transfer/chain.ts";
import { shapeOf } from "../../sdk/transfer/batch_shape.ts";
import { TransferBatch } from "../../sdk/transfer/receiver.ts";
import { type BatchSeed, TransferSender } from "../../sdk/transfer/sender.ts";
import {
  type ActivationRequest,
  decodeSealed,
  encodeSealed,
  type LinearRequest,
  type LinearResponse,
} from "../../sdk/wire/sealed_messages.ts";
import { testKey } from "../vectors/keys.ts";
import { seededBytes } from "../transfer/kernels.ts";
import { inputActivations } from "../../sdk/fixed_point/quantise.ts";

export const sealingKey = new Uint8Array(32).fill(7);
export const nowMs = 1_800_000_000_000;
export const gates = makeKernel();
export const tokens = new SealedTokens(sealingKey);
export const transfers = new TransferSender(gates);
export const context = {
  sealingKey,
  tokens,
  transfers,
  gates,
  kernel: selectKernel(),
};

/** A batch as a trusted dealer would give it to both sides: no base transfers. */
export function dealBatch(
  seed: BatchSeed,
  random: RandomSource,
): TransferBatch {
  const count = shapeOf(seed.size).transfers;
  const none = new Uint8Array(Math.ceil(count / 8));
  const { delta, labels } = transfers.zeroLabels(seed, {
    from: 0,
    count,
    bits: none,
  });
  const choices = random(count), rows = new Uint32Array(4 * count);
  for (let i = 0; i < count; i++) {
    const label = labels.get(0, i), mask = -(choices[i] & 1);
    for (let w = 0; w < 4; w++) rows[4 * i + w] = label[w] ^ mask & delta[w];
  }
  const tools = { kernel: gates, codes: new Codes(gates), random };
  return new TransferBatch(tools, seed.size, rows);
}

/** One gateway with its key and a root. */
export class SealedBench {
  readonly owner: PaillierEngine;
  readonly model: SealedModel;
  readonly modulus: bigint;
  readonly modulusBytes: Uint8Array;
  readonly root: TransferBatch;
  readonly rootToken: Uint8Array;
  readonly random: RandomSource;

  constructor(
    model: ModelPackage,
    { keyBits = 512, samples = 1, seed = 1 }: {
      keyBits?: 512 | 1024 | 2048;
      samples?: number;
      seed?: number;
    } = {},
  ) {
    this.random = seededBytes(seed);
    this.owner = new PaillierEngine(testKey(keyBits), {
      random: this.random,
      threads: 0,
      poolBytes: 0,
    });
    this.model = new SealedModel(model, { modulusBits: keyBits, samples });
    this.modulus = this.owner.publicKey.modulus;
    this.modulusBytes = bytesFromBigInt(this.modulus, keyBits / 8);
    const root = { seed: this.random(32), size: rootSize };
    this.root = dealBatch(root, this.random);
    this.rootToken = tokens.seal({ ...this.owned, opens: "batch", ...root });
  }

  get owned() {
    return {
      modulus: this.modulusBytes,
      account: new Uint8Array(32).fill(1),
      expiresAt: nowMs + 1000,
    };
  }

  /** The token of a session's start. */
  start(nonce = 1): Uint8Array {
    const { model } = this;
    return tokens.seal({
      ...this.owned,
      opens: "linear",
      model: model.name,
      version: model.version,
      planHash: model.planHash,
      samples: model.plan.samples,
      round: 0,
      nonce: new Uint8Array(16).fill(nonce),
      shares: [],
    });
  }

  /** The functions' side of a linear call, from bytes to bytes. */
  async linear(
    body: Uint8Array,
    by = context,
    { shard = 0, shards = 1 } = {},
  ): Promise<LinearResponse> {
    const request = decodeSealed("linearRequest", body);
    const reply = await answerLinear(by, {
      model: this.model,
      content: tokens.open(request.token, "linear", nowMs),
      request,
      received: { token: request.token, body },
      parent: request.batch &&
        tokens.open(request.batch.token, "batch", nowMs),
      shard,
      shards,
    });
    return decodeSealed("linearResponse", encodeSealed(reply));
  }

  /** The functions' side of a garbled call. */
  activation(
    body: Uint8Array,
    { shard = 0, shards = 1 } = {},
    by = context,
  ): Promise<ActivationAnswer> {
    const request = decodeSealed("activationRequest", body);
    return answerActivation(by, {
      model: this.model,
      content: tokens.open(request.token, "activation", nowMs),
      batch: tokens.open(request.batch, "batch", nowMs),
      request,
      received: { token: request.token, body },
      shard,
      shards,
    });
  }

  /** Both sides of one inference; `watch` sees what goes over the line. */
  async infer(
    readings: Float64Array[],
    watch: Watch = {},
  ): Promise<readonly number[]> {
    const { model: { plan, rounds, batches } } = this;
    const inference = new SealedInference(
      { plan, rounds, modulus: this.modulus, gates },
      inputActivations(readings, plan.inputs),
    );
    let token = this.start();
    let batch: TransferBatch | undefined, batchToken = new Uint8Array();
    for (let index = 0; index < rounds.length; index++) {
      const size = batches[index];
      const pending = size > 0 ? this.root.extend(size) : null;
      const request: LinearRequest = {
        token,
        ciphertexts: await this.owner.encryptBatch(inference.plaintexts(index)),
        batch: pending && { token: this.rootToken, ...pending.request },
      };
      const reply = await this.linear(encodeSealed(request));
      watch.linear?.(index, request, reply);
      if (pending) {
        batch = pending.finish(reply.batch!.answer);
        batchToken = reply.batch!.token.slice();
      }
      const answers = await this.owner.decryptBatch(reply.ciphertexts);
      watch.answers?.(index, answers);
      const call = inference.choose(index, answers, batch!);
      const activation: ActivationRequest = {
        token: reply.token,
        batch: batchToken,
        ...call.request,
      };
      const { head, chunks } = await this.activation(encodeSealed(activation));
      const open = call.begin(head.salt);
      for (const chunk of chunks) await open.push(chunk);
      open.finish();
      watch.activation?.(index, activation, inference);
      token = head.token;
      watch.token?.(index, token);
    }
    return inference.labels!;
  }
}

export interface Watch {
  linear?(index: number, request: LinearRequest, reply: LinearResponse): void;
  answers?(index: number, answers: bigint[]): void;
  activation?(
    index: number,
    request: ActivationRequest,
    inference: SealedInference,
  ): void;
  token?(index: number, token: Uint8Array): void;
}
