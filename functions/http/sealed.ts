/**
 * Sealed inferences over HTTP: the calls of docs/sealed.md under `/v1/sealed`.
 *
 * A garbled call travels in one piece, so models whose largest is beyond
 * `maxGarbledBytes` are refused when a session begins.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { type Context, Hono } from "hono";
import type { GateKernel } from "../../sdk/garbling/gate_kernel.ts";
import { makeKernel } from "../../sdk/garbling/kernel.ts";
import { garbledBytes } from "../../sdk/garbling/rounds/run.ts";
import { concat } from "../../sdk/support/bytes.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { TransferSender } from "../../sdk/transfer/sender.ts";
import { encodeSessionResponse } from "../../sdk/wire/codec.ts";
import { decodeSealed, encodeSealed } from "../../sdk/wire/sealed_messages.ts";
import { accountDigest } from "../access/principal.ts";
import { requireRole } from "../access/require_role.ts";
import { type AdmissionEnv, admit } from "../admission/admit.ts";
import { type Budget, chargeBudget } from "../admission/budget.ts";
import type { Work } from "../admission/turns.ts";
import { LruMap } from "../models/lru.ts";
import { answerActivation } from "../rounds/sealed/answer_activation.ts";
import {
  answerLinear,
  type SealedContext,
} from "../rounds/sealed/answer_linear.ts";
import { answerRoot, answerSetup } from "../rounds/sealed/answer_transfers.ts";
import { SealedModel } from "../rounds/sealed/sealed_model.ts";
import { type SealedToken, SealedTokens } from "../rounds/sealed/token.ts";
import { checkAccount, checkRound, loadModel } from "./session_checks.ts";
import {
  checkKey,
  decodeStart,
  type SessionRoutesOptions,
} from "./sessions.ts";

export interface SealedRoutesOptions extends SessionRoutesOptions {
  kernel: SealedContext["kernel"];
  /** Labels of a model that an account is told in a day: without it no model is served. */
  budget?: Budget;
}

/** Largest garbled call, which both sides hold in memory. */
export const maxGarbledBytes = 1 << 22;
/** Plans held, one for each model, key length and batch size. */
const plansKept = 16;
/** Answers of set-ups held, 194 kB each. */
const setUpsKept = 16;
const nonceBytes = 16;
/** Not predicted for each call: counted as heavy, so that it passes no light one. */
const callWork: Work = { predictedMs: 500, shards: 1 };

type Call = Context<AdmissionEnv>;

/** `POST /v1/sealed/{sessions,transfers,roots,rounds/{index},activations/{index}}` */
export function sealedRoutes(
  options: SealedRoutesOptions,
): Hono<AdmissionEnv> {
  const calls = new SealedCalls(options);
  const isClient = requireRole(options.access, "client");
  const workOf = () => callWork;
  const starts = admit(options, { startsSession: true, workOf });
  const goesOn = admit(options, { startsSession: false, workOf });
  const reply = (c: Call, body: Uint8Array) =>
    c.body(body as Uint8Array<ArrayBuffer>, 200, {
      "content-type": "application/cbor",
    });
  return new Hono<AdmissionEnv>()
    .post(
      "/sessions",
      isClient,
      starts,
      async (c) => reply(c, await calls.start(c)),
    )
    .post(
      "/transfers",
      isClient,
      starts,
      async (c) => reply(c, await calls.setUp(c)),
    )
    .post("/roots", isClient, goesOn, (c) => reply(c, calls.renew(c)))
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
      async (c) => reply(c, await calls.activation(c)),
    );
}

class SealedCalls {
  readonly #options: SealedRoutesOptions;
  readonly #tokens: SealedTokens;
  #lazyContext: SealedContext & { gates: GateKernel } | undefined;
  readonly #plans = new LruMap<string, SealedModel>(plansKept);
  /** Answers of set-ups by the digest of their request. */
  readonly #setUps = new LruMap<string, Promise<Uint8Array>>(setUpsKept);
  #lastSetUp: Promise<unknown> = Promise.resolve();

  constructor(options: SealedRoutesOptions) {
    this.#options = options;
    this.#tokens = new SealedTokens(options.keyring.current.sealingKey);
  }

  /** Made for the first sealed call: most functions serve none. */
  get #context(): SealedContext & { gates: GateKernel } {
    if (this.#lazyContext) return this.#lazyContext;
    const { keyring, kernel } = this.#options;
    const { sealingKey, banks } = keyring.current;
    const gates = makeKernel();
    return this.#lazyContext = {
      sealingKey,
      tokens: this.#tokens,
      kernel,
      gates,
      transfers: new TransferSender(gates),
      randomiser: (modulus, answers, count) =>
        banks.randomiser(modulus, answers, count),
    };
  }

  /** Checks key and budget, tells the plan, seals the first token. */
  async start(c: Call): Promise<Uint8Array> {
    const { clock, random, limits } = this.#options;
    const principal = c.get("principal");
    const request = decodeStart(this.#options, c.get("body"));
    const { modulusBits } = await checkKey(this.#options, request);
    const model = await this.#model(c, request.model, {
      modulusBits,
      samples: request.samples,
    });
    const largest = Math.max(
      ...model.rounds.map(({ stages }) => garbledBytes(stages)),
    );
    if (largest > maxGarbledBytes) {
      throw new CipherlayerError(
        "unsupported",
        `Cannot start session: expected garbled calls of at most ${maxGarbledBytes} bytes, got ${largest}`,
      );
    }
    const { name, version, plan, planHash } = model;
    const expiresAt = clock() + limits.tokenLifetimeMs;
    const token = this.#tokens.seal({
      opens: "linear",
      model: name,
      version,
      planHash,
      samples: request.samples,
      round: 0,
      modulus: request.modulus,
      nonce: random(nonceBytes),
      shares: [],
      account: accountDigest(principal),
      expiresAt,
    });
    const rounds = plan.rounds.map(({ layout, steps, writes, shards }) => ({
      layout,
      steps,
      writes,
      shards,
    }));
    return encodeSealed({
      session: encodeSessionResponse({
        model: name,
        version,
        token,
        expiresAt,
        plan: { ...plan, rounds },
      }),
      valueBits: plan.rounds.map(({ valueBits }) => valueBits),
    });
  }

  /** One after another, and the same request only once: each takes a second of a thread. */
  setUp(c: Call): Promise<Uint8Array> {
    const body = c.get("body");
    const { token, request } = decodeSealed("setupRequest", body);
    const { modulus, account, expiresAt } = this.#open(c, token, "linear");
    const key = bytesToHex(sha256(body));
    return this.#setUps.getOrMake(key, () => {
      const answered = this.#lastSetUp.then(async () => {
        const owner = { modulus, account, expiresAt };
        const received = { token, body };
        return encodeSealed(
          await answerSetup(this.#context, request, { owner, received }),
        );
      });
      this.#lastSetUp = answered.catch(() => this.#setUps.delete(key));
      return answered;
    });
  }

  renew(c: Call): Uint8Array {
    const body = c.get("body");
    const request = decodeSealed("batchRequest", body);
    return encodeSealed(answerRoot(this.#context, request, {
      parent: this.#open(c, request.token, "batch"),
      received: { token: request.token, body },
    }));
  }

  async linear(c: Call): Promise<Uint8Array> {
    const body = c.get("body");
    const request = decodeSealed("linearRequest", body);
    const content = this.#open(c, request.token, "linear");
    checkRound(content, Number(c.req.param("index")));
    return encodeSealed(
      await answerLinear(this.#context, {
        model: await this.#modelOf(c, content),
        content,
        request,
        received: { token: request.token, body },
        parent: request.batch && this.#open(c, request.batch.token, "batch"),
        signal: c.req.raw.signal,
      }),
    );
  }

  async activation(c: Call): Promise<Uint8Array> {
    const body = c.get("body");
    const request = decodeSealed("activationRequest", body);
    const content = this.#open(c, request.token, "activation");
    checkRound(content, Number(c.req.param("index")));
    const batch = this.#open(c, request.batch, "batch");
    const model = await this.#modelOf(c, content);
    if (content.round === model.rounds.length - 1) {
      // A label is told to whoever asks again, too: charged whenever it leaves.
      await this.#charge(c, content.model, content.samples);
    }
    const { head, chunks } = await answerActivation(this.#context, {
      model,
      content,
      batch,
      request,
      received: { token: request.token, body },
      shard: 0,
      shards: 1,
    });
    return encodeSealed({ ...head, garbled: concat(...chunks) });
  }

  #charge(c: Call, model: string, values: number): Promise<void> {
    const { clock } = this.#options, { account } = c.get("principal");
    const budget = this.#limitedBudget();
    return chargeBudget(budget, { account, model, values, nowMs: clock() });
  }

  /** @throws {CipherlayerError} `unsupported` if labels of a model are not limited by the day */
  #limitedBudget(): Budget {
    const { budget } = this.#options;
    if (budget?.limits.perModelDay !== undefined) return budget;
    throw new CipherlayerError(
      "unsupported",
      "Cannot serve a sealed model: expected a budget of labels a model and day, got none",
    );
  }

  /** @throws {CipherlayerError} `token-mismatch` for another account's token, and as `SealedTokens.open` */
  #open<K extends SealedToken["opens"]>(c: Call, token: Uint8Array, opens: K) {
    const content = this.#tokens.open(token, opens, this.#options.clock());
    checkAccount(content, c.get("principal"));
    return content;
  }

  #modelOf(
    c: Call,
    content: {
      model: string;
      version: string;
      modulus: Uint8Array;
      samples: number;
    },
  ): Promise<SealedModel> {
    const { model, version, samples } = content;
    const modulusBits = 8 * content.modulus.length;
    return this.#model(c, model, { modulusBits, samples }, version);
  }

  /** @throws {CipherlayerError} `model-not-found`, `model-changed`, `unsupported` */
  async #model(
    c: Call,
    name: string,
    options: { modulusBits: number; samples: number },
    version?: string,
  ): Promise<SealedModel> {
    const { models } = this.#options;
    const asked = { model: name, version };
    const model = await loadModel(models, asked, c.get("principal"));
    const { manifest } = model;
    if (manifest.privacy !== "sealed") {
      throw new CipherlayerError(
        "unsupported",
        `Cannot seal model ${name}: expected privacy "sealed", got "${manifest.privacy}"`,
      );
    }
    this.#limitedBudget();
    const key = JSON.stringify([
      name,
      manifest.version,
      manifest.files,
      options.modulusBits,
      options.samples,
    ]);
    return this.#plans.getOrMake(
      key,
      () => declared(() => new SealedModel(model, options)),
    );
  }
}

/** A model that does not fit the key is the caller's business, not a fault of the functions. */
function declared<T>(make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (cause instanceof CipherlayerError) throw cause;
    throw new CipherlayerError("unsupported", (cause as Error).message, {
      cause,
    });
  }
}
