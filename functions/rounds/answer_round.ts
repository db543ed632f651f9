import { bigIntFromBytes } from "../../sdk/paillier/public/big_integer.ts";
import type { RoundResponse } from "../../sdk/wire/messages.ts";
import type { InferencePlan } from "../../sdk/wire/plan.ts";
import type { Kernel } from "../../sdk/paillier/public/kernel.ts";
import type { Sealing } from "./keyring.ts";
import {
  evaluateRound,
  type Phase,
  valuesInRange,
} from "./evaluate/evaluate.ts";
import { biasOf } from "./evaluate/linear_layer.ts";
import { splitCiphertexts } from "./evaluate/operands.ts";
import type { AnswerRange } from "./evaluate/pack.ts";
import { runPaced } from "./privacy/paced.ts";
import type { PreparedModel } from "./prepared_model.ts";
import { answerMask, maskBytes } from "./privacy/mask.ts";
import { drawOrder, type Order } from "./privacy/order.ts";
import { PowerRandomiser } from "./privacy/randomisers.ts";
import { comparisonSigns, guardAnswers } from "./privacy/guard_answers.ts";
import { multiplyPlaintexts, takeOpposites } from "./privacy/powers.ts";
import { checkSelectors } from "./privacy/selector_check.ts";
import {
  deriveKey,
  roundSeed,
  seedSources,
  uniformBytes,
} from "./privacy/seed.ts";
import type { OrderSeed, TokenContent } from "./sealed_token.ts";

/** A round request whose token has been opened and found to fit. */
export interface RoundJob {
  prepared: PreparedModel;
  content: TokenContent;
  token: Uint8Array;
  ciphertexts: Uint8Array;
  range: AnswerRange;
  shards: number;
  signal?: AbortSignal;
  /** Told what the time from now on is spent on. */
  onPhase?: (phase: Phase) => void;
}

const orderSeedBytes = 16;
const nonceBytes = 16;

/**
 * Evaluates a range of a round's answers and seals the next token. The same job
 * gives the same bytes on every instance.
 *
 * @throws {CipherlayerError} `count-mismatch`, `ciphertext-out-of-range`
 */
export async function answerRound(
  context: Pick<Sealing, "banks" | "sealer" | "sealingKey"> & {
    kernel: Kernel;
  },
  job: RoundJob,
): Promise<RoundResponse> {
  const { prepared, content, range, signal, onPhase } = job;
  const { plan } = prepared;
  const index = content.round;
  const round = prepared.round(index);
  const { layout } = round.plan;
  const modulus = bigIntFromBytes(content.modulus);
  const ciphertextBytes = 2 * content.modulus.length;
  const guard = prepared.guards[index];
  let ciphertexts = splitCiphertexts(
    job.ciphertexts,
    layout,
    modulus,
    ciphertextBytes,
  );
  if (guard.kind === "counted") {
    const signs = await signsBefore(content, ciphertexts.length);
    const opposite = signs.map((sign) => sign < 0);
    ciphertexts = takeOpposites(ciphertexts, opposite, modulus);
  }
  const seed = await roundSeed(context.sealingKey, job.token, job.ciphertexts);
  const orderSeed = deriveKey(
    seed,
    "channel order",
    new Uint8Array(),
    orderSeedBytes,
  );
  const outputOrder = await orderFrom(orderSeed, prepared.orderUnits[index]);

  const evaluated = await runPaced(
    evaluateRound(
      context.kernel,
      round,
      {
        modulus,
        ciphertexts,
        inputOrders: await inputOrders(prepared, content),
        outputOrder,
        range,
        method: round.method(job.shards),
      },
      onPhase,
    ),
    signal,
  );

  onPhase?.("randomising");
  const values = valuesInRange(round, { range, outputOrder });
  const { factors, addend } = await guardAnswers(guard, layout, range, {
    request: seed,
    order: orderSeed,
  });
  let packed = factors
    ? multiplyPlaintexts(evaluated, factors, modulus)
    : evaluated;
  if (guard.kind === "selected" && guard.check) {
    const [random] = await seedSources(
      seed,
      "selector check",
      { from: 0, to: 1 },
      uniformBytes(8 * content.modulus.length),
    );
    packed = packed.map((answer) =>
      checkSelectors(answer, ciphertexts, { ...layout, modulus }, random)
    );
  }
  const maskSources = await seedSources(
    seed,
    "mask",
    range,
    maskBytes(layout, 8 * content.modulus.length),
  );
  const masks = maskSources.map((random, i) => {
    const first = i * layout.valuesPerCiphertext;
    return answerMask(
      layout,
      range.from + i,
      (place) =>
        addend(i, place, biasOf(round.map, layout, values[first + place])),
      modulus,
      random,
    );
  });
  const randomiser = prepared.usesBank
    ? await context.banks.get(modulus, prepared.answers)
    : new PowerRandomiser(context.kernel, modulus);
  const sources = await seedSources(
    seed,
    "randomiser",
    range,
    randomiser.bytesPerAnswer,
  );
  const answers = new Uint8Array(packed.length * ciphertextBytes);
  await runPaced(randomiser.randomise(packed, masks, sources, answers), signal);

  const isLast = index === plan.rounds.length - 1;
  return {
    token: isLast ? new Uint8Array() : context.sealer.seal({
      ...content,
      round: index + 1,
      nonce: deriveKey(seed, "nonce", new Uint8Array(), nonceBytes),
      orders: liveOrders(plan, index, [
        ...content.orders,
        ...outputOrder ? [{ round: index, seed: orderSeed }] : [],
      ]),
    }),
    ciphertexts: answers,
  };
}

function orderFrom(seed: Uint8Array, units: number): Promise<Order> | null {
  return units > 1 ? drawOrder(seed, units) : null;
}

/** Signs of the comparisons that the token's round reads, in the order they were sent out. */
function signsBefore(
  { round, orders }: TokenContent,
  comparisons: number,
): Promise<number[]> {
  const { seed } = orders.find((order) => order.round === round - 1)!;
  return comparisonSigns(seed, { from: 0, to: comparisons });
}

/** For each input of the token's round, the order that its activation was sent out in. */
function inputOrders(
  { plan, orderUnits }: PreparedModel,
  { round, orders }: TokenContent,
): Promise<(Order | null)[]> {
  return Promise.all(
    plan.rounds[round].layout.inputs.map(({ tensor }) => {
      const writer = writerOf(plan, round, tensor);
      const known = orders.find((order) => order.round === writer);
      return known ? orderFrom(known.seed, orderUnits[writer]) : null;
    }),
  );
}

/** Orders of the activations that rounds after `index` read. */
function liveOrders(
  plan: InferencePlan,
  index: number,
  orders: OrderSeed[],
): OrderSeed[] {
  return orders.filter((order) =>
    plan.rounds.some(({ layout }, reader) =>
      reader > index &&
      layout.inputs.some(({ tensor }) =>
        writerOf(plan, reader, tensor) === order.round
      )
    )
  );
}

/** The round whose output `tensor` is when round `reader` reads it; -1 for the reading. */
function writerOf(plan: InferencePlan, reader: number, tensor: string): number {
  return plan.rounds.slice(0, reader).findLastIndex(({ writes }) =>
    writes === tensor
  );
}
