/**
 * Sealed inferences over HTTP: the calls of docs/sealed.md under `/v1/sealed`. Their
 * sessions begin as any other.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { type Context, Hono } from "hono";
import {
  batchRowsMs,
  perBatch,
  setUpMs,
} from "../../models/planner/garbling_costs.ts";
import type { GateKernel } from "../../sdk/garbling/gate_kernel.ts";
import { makeKernel } from "../../sdk/garbling/kernel.ts";
import { garbledShards } from "../../sdk/garbling/rounds/round.ts";
import { shardStages } from "../../sdk/garbling/rounds/shard.ts";
import { callBytes } from "../../sdk/garbling/rounds/run.ts";
import { bigIntFromBytes } from "../../sdk/paillier/public/big_integer.ts";
import type { Kernel } from "../../sdk/paillier/public/kernel.ts";
import {
  batchAnswerBytes,
  rootSize,
  setupAnswerBytes,
} from "../../sdk/transfer/chain.ts";
import { type BatchSeed, TransferSender } from "../../sdk/transfer/sender.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { sequenceType, writeSequence } from "../../sdk/wire/byte_sequence.ts";
import { decodeSealed, encodeSealed } from "../../sdk/wire/sealed_messages.ts";
import { requireRole } from "../access/require_role.ts";
import {
  type AdmissionEnv,
  type AdmissionOptions,
  admit,
} from "../admission/admit.ts";
import type { Budget } from "../admission/budget.ts";
import { type FinalCall, FinalCalls } from "../admission/final_calls.ts";
import { FirstContacts } from "../admission/first_contacts.ts";
import { chargeWork, type SealedWork } from "../admission/rates.ts";
import { Repetitions } from "../admission/repetitions.ts";
import type { Work } from "../admission/turns.ts";
import { LruMap } from "../models/lru.ts";
import type { ModelStore } from "../models/model_store.ts";
import type { Keyring, Sealing } from "../rounds/keyring.ts";
import { splitCiphertexts } from "../rounds/evaluate/operands.ts";
import {
  answerActivation,
  checkActivation,
} from "../rounds/sealed/answer_activation.ts";
import {
  answerLinear,
  type SealedContext,
} from "../rounds/sealed/answer_linear.ts";
import { answerRoot, answerSetup } from "../rounds/sealed/answer_transfers.ts";
import type { SealedModel } from "../rounds/sealed/sealed_model.ts";
import type { SealedModels } from "../rounds/sealed/sealed_models.ts";
import type {
  ActivationToken,
  LinearToken,
  SealedToken,
} from "../rounds/sealed/token.ts";
import type { NonceStore } from "../stores/spent_tokens.ts";
import { telemetryOf } from "../telemetry/call_telemetry.ts";
import { checkAccount, checkRound, loadModel } from "./session_checks.ts";
import { parseShard, type Shard } from "./shard.ts";
import { streamReply } from "./stream_reply.ts";

export interface SealedRoutesOptions extends AdmissionOptions {
  models: ModelStore;
  keyring: Keyring;
  kernel: Kernel;
  sealedModels: SealedModels;
  /** Labels of a model that an account may receive a day; without it no model is served. */
  budget?: Budget;
  /** Where tokens of last rounds are remembered that have been used. */
  nonces: NonceStore;
}

/** Answers of set-ups held, 88 kB each. */
const setUpsKept = 16;
/** Beside the one under way; later callers get Retry-After. */
const maxSetUpsWaiting = 8;
/** A gateway sets transfers up once a day at most; sessions come and go. */
const transfersLifetimeMs = 24 * 60 * 60_000;
/** Not predicted for each call: counted as heavy, so that it passes no light one. */
const callWork: Work = { predictedMs: 500, shards: 1 };

type Call = Context<AdmissionEnv>;

/** `POST /v1/sealed/{transfers,roots,rounds/{index},activations/{index}}`; the last two with `?shard={i}/{k}` */
export function sealedRoutes(
  options: SealedRoutesOptions,
): Hono<AdmissionEnv> {
  const calls = new SealedCalls(options);
  const isClient = requireRole(options.access, "client");
  const work = { worksHere: true, workOf: () => callWork };
  const starts = admit(options, { startsSession: true, ...work });
  const goesOn = admit(options, { startsSession: false, ...work });
  const reply = (c: Call, body: Uint8Array) =>
    c.body(body as Uint8Array<ArrayBuffer>, 200, {
      "content-type": "application/cbor",
    });
  return new Hono<AdmissionEnv>()
    .post(
      "/transfers",
      isClient,
      starts,
      async (c) => reply(c, await calls.setUp(c)),
    )
    .post(
      "/roots",
      isClient,
      goesOn,
      async (c) => reply(c, await calls.renew(c)),
    )
    .post(
      "/rounds/:index{[0-9]{1,4}}",
      isClient,
      goesOn,
      async (c) => reply(c, await calls.linear(c)),
    )
    .post(
      "/activations/:index{[0-9]{1,4}}",
      isClient,
      goesOn,
      async (c) => {
        const pieces = await calls.activation(c);
        const patienceMs = options.limits.replyPatienceMs;
        const { body, ended } = streamReply(pieces, patienceMs);
        c.set("ended", ended);
        return c.body(body, 200, { "content-type": sequenceType });
      },
    );
}

class SealedCalls {
  readonly #options: SealedRoutesOptions;
  #lazyGarbling: { gates: GateKernel; transfers: TransferSender } | undefined;
  /** Answers of set-ups by the digest of their request. */
  readonly #setUps = new LruMap<string, Promise<Uint8Array>>(setUpsKept);
  readonly #firstContacts = new FirstContacts(maxSetUpsWaiting, setUpMs);

  readonly #finalCalls: FinalCalls;
  readonly #repetitions = new Repetitions();

  constructor(options: SealedRoutesOptions) {
    this.#options = options;
    this.#finalCalls = new FinalCalls(options);
  }

  /** Made for the first sealed call: most functions serve none. */
  get #garbling(): { gates: GateKernel; transfers: TransferSender } {
    if (this.#lazyGarbling) return this.#lazyGarbling;
    const gates = makeKernel();
    return this.#lazyGarbling = { gates, transfers: new TransferSender(gates) };
  }

  /** What a call is answered with: under the sealing key that its session began under. */
  #context(
    c: Call,
    token: Uint8Array,
  ): SealedContext & { gates: GateKernel } {
    const { sealingKey, banks, sealedTokens } = this.#sealing(token);
    const caller = c.get("share");
    return {
      ...this.#garbling,
      sealingKey,
      tokens: sealedTokens,
      kernel: this.#options.kernel,
      randomiser: (modulus, answers, count) =>
        banks.randomiser(modulus, { answers, count, caller }),
      caller,
    };
  }

  #sealing(token: Uint8Array): Sealing {
    return this.#options.keyring.sealingOfSealed(token);
  }

  /**
   * One after another and beside the turns of other calls, and the same request only
   * once: each takes a second of a thread. What it begins outlives its session.
   */
  async setUp(c: Call): Promise<Uint8Array> {
    const body = c.get("body");
    const { token, request } = decodeSealed("setupRequest", body);
    const { modulus, account, ...session } = this.#open(c, token, "linear");
    const expiresAt = session.expiresAt + transfersLifetimeMs;
    await this.#count(c, { ms: setUpMs, bytes: setupAnswerBytes });
    const key = bytesToHex(sha256(body));
    c.get("endTurn")();
    return await this.#setUps.getOrMake(key, () => {
      const answered = this.#firstContacts.run(c.get("caller"), async () => {
        const owner = { modulus, account, expiresAt };
        const received = { token, body };
        return encodeSealed(
          await answerSetup(this.#context(c, token), request, {
            owner,
            received,
          }),
        );
      });
      answered.catch(() => this.#setUps.delete(key));
      return answered;
    });
  }

  async renew(c: Call): Promise<Uint8Array> {
    const body = c.get("body");
    const request = decodeSealed("batchRequest", body), { token } = request;
    const parent = this.#open(c, token, "batch");
    await this.#count(c, {
      ms: perBatch.functions + this.#rowsMs(parent),
      bytes: batchAnswerBytes(rootSize),
    });
    const received = { token, body };
    return encodeSealed(
      answerRoot(this.#context(c, token), request, { parent, received }),
    );
  }

  async linear(c: Call): Promise<Uint8Array> {
    const body = c.get("body");
    const request = decodeSealed("linearRequest", body), { token } = request;
    const content = this.#open(c, token, "linear");
    checkRound(content, Number(c.req.param("index")));
    const part = this.#partOf(c);
    const parent = request.batch &&
      this.#open(c, request.batch.token, "batch");
    const model = await this.#modelOf(c, content);
    checkParts(part, model.plan.rounds[content.round].shards);
    const work = model.linearWork(content.round, parent !== null);
    await this.#count(c, {
      ...work,
      ms: work.ms + (parent ? this.#rowsMs(parent) : 0),
    });
    // A session's first token opens all of its inferences.
    if (content.round > 0 && isLast(model, content)) {
      // Refused, a call spends nothing.
      splitCiphertexts(
        request.ciphertexts,
        model.plan.rounds[content.round].layout,
        bigIntFromBytes(content.modulus),
        2 * content.modulus.length,
      );
      await this.#finalCalls.use(finalCall(c, content, token));
    }
    return encodeSealed(
      await answerLinear(this.#context(c, token), {
        model,
        content,
        request,
        received: { token, body },
        parent,
        ...part,
        signal: c.req.raw.signal,
      }),
    );
  }

  async activation(c: Call): Promise<AsyncGenerator<Uint8Array, void>> {
    const body = c.get("body");
    const request = decodeSealed("activationRequest", body),
      { token } = request;
    const content = this.#open(c, token, "activation");
    checkRound(content, Number(c.req.param("index")));
    const { shard, shards } = this.#partOf(c);
    const batch = this.#open(c, request.batch, "batch");
    const model = await this.#modelOf(c, content);
    checkParts({ shards }, garbledShards(model.plan, content.round));
    // Before anything is counted: a refused call costs no label.
    checkActivation({ model, content, batch, request });
    const { chosen, ...round } = model.rounds[content.round];
    const stages = shardStages(round.stages, shard, shards);
    c.get("hold")(callBytes(stages, chosen.bit.length));
    const work = model.garbledWork(stages, content.round);
    await this.#count(c, { ...work, ms: work.ms + this.#rowsMs(batch) });
    if (isLast(model, content)) {
      await this.#finalCalls.charge(finalCall(c, content, token));
    }
    const { head, chunks } = await answerActivation(this.#context(c, token), {
      model,
      content,
      batch,
      request,
      received: { token, body },
      shard,
      shards,
    });
    return writeSequence(function* () {
      yield encodeSealed(head);
      yield* chunks;
    }());
  }

  /**
   * Counts a call that is going to be answered, by its work and by how often it came.
   *
   * @throws {CipherlayerError} `rate-limited`
   */
  async #count(c: Call, work: SealedWork): Promise<void> {
    const { rates, clock } = this.#options, nowMs = clock();
    const { pathname, search } = new URL(c.req.url);
    const body = bytesToHex(sha256(c.get("body")));
    this.#repetitions.note(`${pathname}${search} ${body}`, nowMs);
    if (rates) {
      await chargeWork(rates, { caller: c.get("caller"), work, nowMs });
    }
  }

  #partOf(c: Call): Shard {
    return parseShard(c.req.query("shard"), this.#options.limits.shards);
  }

  /** To make the transfers of a batch that are not at hand. */
  #rowsMs(batch: BatchSeed): number {
    return this.#garbling.transfers.keeps(batch) ? 0 : batchRowsMs(batch.size);
  }

  /** @throws {CipherlayerError} `token-mismatch` for another account's token, and as `SealedTokens.open` */
  #open<K extends SealedToken["opens"]>(c: Call, token: Uint8Array, opens: K) {
    const { sealedTokens } = this.#sealing(token);
    const content = sealedTokens.open(token, opens, this.#options.clock());
    checkAccount(content, c.get("principal"));
    return content;
  }

  /** The model of a session that has begun. @throws {CipherlayerError} as `loadModel` and `SealedModels.get` */
  async #modelOf(
    c: Call,
    content: {
      model: string;
      version: string;
      modulus: Uint8Array;
      samples: number;
    },
  ): Promise<SealedModel> {
    const { models, sealedModels } = this.#options;
    const { version, modulus, samples } = content;
    const model = await loadModel(models, content, c.get("principal"));
    const modulusBits = 8 * modulus.length;
    telemetryOf(c.req.raw).add({ model: content.model, version, samples });
    return sealedModels.get(
      model,
      { modulusBits, samples },
      c.get("share"),
    );
  }
}

/**
 * The plan says how many, so that a call has one set of answers and no more.
 *
 * @throws {CipherlayerError} `malformed` for another number of shards
 */
function checkParts({ shards }: Pick<Shard, "shards">, expected: number): void {
  if (shards === expected) return;
  throw new CipherlayerError(
    "malformed",
    `Cannot answer a sealed call: expected one of ${expected} shards, as the plan has it, got one of ${shards}`,
  );
}

const isLast = (
  { rounds }: SealedModel,
  { round }: { round: number },
): boolean => round === rounds.length - 1;

const finalCall = (
  c: Call,
  { model, samples, expiresAt }: LinearToken | ActivationToken,
  token: Uint8Array,
): FinalCall => ({
  account: c.get("principal").account,
  model,
  samples,
  expiresAt,
  token,
  body: c.get("body"),
});
