/**
 * What one inference tells the cloud and the gateway, from its plan alone.
 *
 * @module
 */
import { elementCount } from "../fixed_point/integer_tensor.ts";
import {
  answerCiphertexts,
  inputCiphertexts,
  outputValues,
  usedSlots,
} from "../fixed_point/layout.ts";
import { isSealed } from "../garbling/rounds/sealed_rounds.ts";
import { sum } from "../support/numbers.ts";
import type { InferencePlan, RoundLayout, RoundPlan } from "../wire/plan.ts";
import { sealedLeakage } from "./sealed_leakage.ts";

/**
 * What a round gives the gateway about the weights.
 *
 * @example
 * ```ts
 * import type { RoundLeakage } from "@cipherlayer/sdk";
 *
 * const tell = ({ equations, inferencesToSolve }: RoundLeakage) =>
 *   `${equations} equations an inference; enough of them after ${inferencesToSolve}`;
 * console.log(typeof tell);
 * ```
 */
export interface RoundLeakage {
  /** Ciphertexts that the cloud sent. */
  answers: number;
  /** Most bits that they can carry, whatever the gateway sent: U + 1 an answer. */
  boundBits: number;
  /**
   * Accumulators that the gateway decrypts, over all samples: each an equation,
   * linear in weights, with the inputs as coefficients that the gateway knows.
   */
  equations: number;
  /** Channels or elements, each with its own weights. */
  outputs: number;
  /** Most weights (the bias included) that one output can depend on. */
  weightsPerOutput: number;
  /**
   * Inferences after which the equations are as many as the weights, at most: with
   * inputs that differ enough and no disturbance, linear algebra then finds them,
   * up to the order of outputs.
   */
  inferencesToSolve: number;
}

/**
 * What one inference tells whom.
 *
 * @example
 * ```ts
 * import type { LeakageReport } from "@cipherlayer/sdk";
 *
 * const tell = ({ cloud, gateway }: LeakageReport) =>
 *   `cloud: ${cloud.bits} bits; gateway: at most ${gateway.boundBits} bits about the weights`;
 * console.log(typeof tell); // tell(answer.leakage)
 * ```
 */
export interface LeakageReport {
  /** The cloud, and anybody who watches the network. */
  cloud: {
    /** About readings, activations and answers, as long as Paillier holds. */
    bits: 0;
    /** Ciphertexts sent, the same for every reading. */
    ciphertexts: number;
    /** In words. */
    learns: string[];
  };
  /** The gateway, which is to have the answer and not the model. */
  gateway: {
    /** Most bits of the answers to which the gateway is entitled. */
    answerBits: number;
    /** Most bits that all rounds can carry about the weights. */
    boundBits: number;
    /** Round by round; none of a sealed plan, whose rounds tell nothing. */
    rounds: RoundLeakage[];
    /** In words. */
    learns: string[];
  };
}

/**
 * What an inference by this plan tells the cloud and the gateway. Bounds, not
 * estimates: what an attacker really recovers is at most this.
 *
 * @param plan as the session has it
 * @param modulusBits of the gateway's key
 *
 * @example
 * ```ts
 * import { type InferencePlan, leakageReport } from "@cipherlayer/sdk/protocol";
 *
 * const values = { labels: null, units: null, scale: [1], offset: [0] };
 * // y = W x with 3 outputs and 4 inputs.
 * const plan: InferencePlan = {
 *   format: 2,
 *   samples: 1,
 *   inputs: [{ ...values, name: "x", shape: [4], low: 0, high: 15 }],
 *   rounds: [{
 *     layout: {
 *       kind: "dense",
 *       samples: 1,
 *       fold: 1,
 *       inputs: [{ tensor: "x", length: 4 }],
 *       outputLength: 3,
 *       slotBits: 12,
 *       guardBits: 0,
 *       valuesPerCiphertext: 3,
 *     },
 *     steps: [],
 *     writes: "scores",
 *     shards: 1,
 *   }],
 *   outputs: [{
 *     ...values,
 *     name: "y",
 *     shape: [3],
 *     tensor: "scores",
 *     start: 0,
 *     tail: "none",
 *   }],
 *   states: [],
 *   reveal: "scores",
 *   powerOfTwo: true,
 * };
 * const { cloud, gateway } = leakageReport(plan, 2048);
 * if (cloud.bits !== 0) throw new Error("the cloud learns something");
 * // One answer of 3 slots, 12 bits each, and one bit of its mask.
 * if (gateway.boundBits !== 37) throw new Error("wrong bound");
 * // 4 weights and a bias an output, one equation an inference.
 * if (gateway.rounds[0].inferencesToSolve !== 5) throw new Error("wrong count");
 * ```
 */
export function leakageReport(
  plan: InferencePlan,
  modulusBits: number,
): LeakageReport {
  if (isSealed(plan)) return sealedLeakage(plan, modulusBits);
  const rounds = plan.rounds.map(roundLeakage);
  const ciphertexts = sum(
    plan.rounds.map(({ layout }) => inputCiphertexts(layout)),
  );
  const boundBits = sum(rounds.map((round) => round.boundBits));
  const answerBits = answerBitsOf(plan);
  return {
    cloud: {
      bits: 0,
      ciphertexts,
      learns: [
        `that an inference with this model took place, when, and under which key (${modulusBits} bits)`,
        `${ciphertexts} ciphertexts in ${plan.rounds.length} rounds: the same for every reading`,
        `room for ${plan.samples} ${
          plan.samples === 1 ? "reading" : "readings"
        }, not how many were filled`,
        "how long the gateway took between rounds, and whether the inference came to its end",
        "nothing of readings, activations and answers, as long as composite residuosity is hard",
      ],
    },
    gateway: {
      answerBits,
      boundBits,
      rounds,
      learns: [
        plan.reveal === "label"
          ? `which label: at most ${round1(answerBits)} bits`
          : `the scores: at most ${round1(answerBits)} bits`,
        "the geometry of every layer, its activation and the widths of its integers",
        ...rounds.map(describe),
      ],
    },
  };
}

function roundLeakage({ layout }: RoundPlan): RoundLeakage {
  const answers = answerCiphertexts(layout);
  let boundBits = 0;
  for (let answer = 0; answer < answers; answer++) {
    boundBits += usedSlots(layout, answer) * layout.slotBits + 1;
  }
  const [outputs, perOutput] = layout.kind === "dense"
    ? [layout.outputLength, 1]
    : [layout.output[0], layout.output[1] * layout.output[2]];
  const equationsPerOutput = perOutput * layout.samples;
  const weightsPerOutput = maxWeights(layout) + 1;
  return {
    answers,
    boundBits,
    equations: outputs * equationsPerOutput,
    outputs,
    weightsPerOutput,
    inferencesToSolve: Math.ceil(weightsPerOutput / equationsPerOutput),
  };
}

/** Elements that the values of one output are sums of, phase by phase. */
function maxWeights(layout: RoundLayout): number {
  return layout.kind === "dense"
    ? sum(layout.inputs.map(({ length }) => length))
    : inputCiphertexts(layout);
}

function answerBitsOf(
  { outputs, reveal, rounds, samples }: InferencePlan,
): number {
  if (reveal === "label") {
    return samples * Math.log2(elementCount(outputs[0].shape));
  }
  return outputs.reduce((bits, { tensor, shape }) => {
    const round = rounds.find(({ writes }) => writes === tensor)!;
    const elements = elementCount(shape);
    const { layout } = round;
    const width = outputValues(layout) === elements ? layout.slotBits : 53;
    return bits + samples * elements * width;
  }, 0);
}

function describe(round: RoundLeakage, index: number): string {
  const { equations, outputs, weightsPerOutput, inferencesToSolve } = round;
  return `round ${
    index + 1
  }: ${equations} numbers, at most ${round.boundBits} bits; equations in ${outputs} x at most ${weightsPerOutput} weights, as many as these after at most ${inferencesToSolve} ${
    inferencesToSolve === 1 ? "inference" : "inferences"
  } (disturbance and changing order slow it)`;
}

function round1(bits: number): number {
  return Math.round(10 * bits) / 10;
}
