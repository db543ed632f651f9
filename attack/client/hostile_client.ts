/**
 * A client that keeps to the protocol's form and to nothing else.
 *
 * @module
 */
import {
  elementCount,
  type IntegerTensor,
} from "../../sdk/fixed_point/integer_tensor.ts";
import { headroomBits, usedSlots } from "../../sdk/fixed_point/layout.ts";
import { packInputs, unpackAnswers } from "../../sdk/fixed_point/packing.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { PrivateKey } from "../../sdk/paillier/private/private_key.ts";
import {
  createTransport,
  type Transport,
} from "../../sdk/session/transport.ts";
import {
  decodeRoundResponse,
  decodeSessionResponse,
  encodeRoundRequest,
  encodeSessionRequest,
} from "../../sdk/wire/codec.ts";
import type { RoundResponse } from "../../sdk/wire/messages.ts";
import type { InferencePlan, RoundLayout } from "../../sdk/wire/plan.ts";

/** What an attack used up. */
export interface Spent {
  /** Inputs that a round was evaluated on: a call carries one for each sample. */
  queries: number;
  /** HTTP calls. */
  calls: number;
  /** Bits of plaintexts that are not mask: U for each answer. */
  bitsReceived: number;
}

const maxAnswerBytes = 2 ** 30;

export class HostileClient implements Disposable {
  readonly owner: PaillierEngine;
  readonly spent: Spent = { queries: 0, calls: 0, bitsReceived: 0 };
  plan!: InferencePlan;
  /** Opens round 0. */
  token!: Uint8Array;
  readonly #send: Transport;
  readonly #model: string;

  constructor(url: string, model: string, readonly key: PrivateKey) {
    this.#send = createTransport({ url, timeoutMs: 120_000 });
    this.#model = model;
    this.owner = new PaillierEngine(key, { threads: 0 });
  }

  get modulus(): bigint {
    return this.key.publicKey.modulus;
  }

  async open(samples: number): Promise<void> {
    const body = encodeSessionRequest({
      model: this.#model,
      modulus: this.key.publicKey.toBytes(),
      proof: this.owner.keyProof(),
      samples,
    });
    const reply = await this.#send("v1/sessions", body, {
      maxBytes: maxAnswerBytes,
    });
    this.spent.calls++;
    ({ plan: this.plan, token: this.token } = decodeSessionResponse(
      reply.body,
    ));
  }

  /** Opens a session of as many samples as the functions take, and returns their number. */
  async openWidest(): Promise<number> {
    await this.open(1);
    const widest = this.plan.rounds.reduce(
      (bits, { layout }) => Math.max(bits, layout.slotBits),
      1,
    );
    const { modulusBits } = this.key.publicKey;
    const samples = Math.floor((modulusBits - headroomBits) / widest);
    try {
      if (samples > 1) await this.open(samples);
    } catch {
      return 1;
    }
    return this.plan.samples;
  }

  /** One call of a round with these ciphertexts. */
  async send(
    round: number,
    token: Uint8Array,
    ciphertexts: Uint8Array,
  ): Promise<RoundResponse> {
    const { layout } = this.plan.rounds[round];
    const body = encodeRoundRequest({ token, ciphertexts });
    this.spent.calls++;
    const reply = await this.#send(`v1/rounds/${round}`, body, {
      maxBytes: maxAnswerBytes,
    });
    const response = decodeRoundResponse(reply.body);
    const { ciphertextBytes } = this.key.publicKey;
    const answers = response.ciphertexts.length / ciphertextBytes;
    for (let i = 0; i < answers; i++) {
      this.spent.bitsReceived += usedSlots(layout, i) * layout.slotBits;
    }
    this.spent.queries += layout.samples;
    return response;
  }

  /**
   * Evaluates a round on chosen inputs, one array a sample, terms after each
   * other; samples that are missing are zeros.
   */
  async ask(
    round: number,
    token: Uint8Array,
    inputs: readonly Float64Array[],
  ): Promise<{ accumulators: IntegerTensor; token: Uint8Array }> {
    const { layout } = this.plan.rounds[round];
    const plaintexts = packInputs(
      layout,
      tensorsOf(layout, inputs),
      this.modulus,
    );
    const ciphertexts = await this.owner.encryptBatch(plaintexts);
    const response = await this.send(round, token, ciphertexts);
    const residues = await this.owner.decryptBatch(response.ciphertexts);
    return {
      accumulators: unpackAnswers(layout, residues),
      token: response.token,
    };
  }

  /** A token for `round`, by way of zeros through all rounds before it. */
  async tokenFor(round: number): Promise<Uint8Array> {
    let { token } = this;
    const { queries } = this.spent;
    for (let index = 0; index < round; index++) {
      ({ token } = await this.ask(index, token, []));
    }
    this.spent.queries = queries;
    return token;
  }

  [Symbol.dispose](): void {
    this.owner[Symbol.dispose]();
  }
}

/** What came of a call that the functions ought to refuse: their code, or "accepted". */
export async function attempt(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
    return "accepted";
  } catch (error) {
    if (error instanceof CipherlayerError) return error.code;
    throw error;
  }
}

/** Elements that a round reads, over all its inputs. */
export function inputLength(layout: RoundLayout): number {
  return layout.inputs.reduce((sum, input) => sum + lengthOf(input), 0);
}

function lengthOf(input: RoundLayout["inputs"][number]): number {
  return "length" in input ? input.length : elementCount(input.shape);
}

/** Inputs cut into the tensors that the layout names; the first to read a name decides. */
function tensorsOf(
  layout: RoundLayout,
  inputs: readonly Float64Array[],
): Map<string, IntegerTensor> {
  const tensors = new Map<string, IntegerTensor>();
  let from = 0;
  for (const input of layout.inputs) {
    const length = lengthOf(input), first = from;
    const samples = Array.from(
      { length: layout.samples },
      (_, s) =>
        inputs[s]?.slice(first, first + length) ?? new Float64Array(length),
    );
    if (!tensors.has(input.tensor)) {
      tensors.set(input.tensor, { shape: [length], samples });
    }
    from += length;
  }
  return tensors;
}
