/**
 * What a sealed inference tells the cloud and the gateway, from its plan alone.
 *
 * @module
 */
import { elementCount } from "../fixed_point/integer_tensor.ts";
import { answerCiphertexts, inputCiphertexts } from "../fixed_point/layout.ts";
import type { SealedPlan } from "../garbling/rounds/round.ts";
import { sum } from "../support/numbers.ts";
import type { LeakageReport } from "./leakage.ts";

/** The gateway's part is a bound that holds whatever the gateway sends. */
export function sealedLeakage(
  plan: SealedPlan,
  modulusBits: number,
): LeakageReport {
  const { rounds, samples, outputs: [{ shape }] } = plan;
  const labels = elementCount(shape);
  const answerBits = samples * Math.log2(labels);
  const ciphertexts = sum(rounds.map(({ layout }) => inputCiphertexts(layout)));
  const numbers = sum(rounds.map(({ layout }) => answerCiphertexts(layout)));
  const bits = Math.round(10 * answerBits) / 10;
  return {
    cloud: {
      bits: 0,
      ciphertexts,
      learns: [
        `that a sealed inference with this model took place, when, and under which key (${modulusBits} bits)`,
        `${ciphertexts} ciphertexts in ${rounds.length} rounds, and choices that random ones hide: the same for every reading`,
        `room for ${samples} ${
          samples === 1 ? "reading" : "readings"
        }, not how many were filled`,
        "how long the gateway took between calls, and whether the inference came to its end",
        "nothing of readings, activations and answers, as long as composite residuosity, Diffie-Hellman and learning parity with noise are hard",
      ],
    },
    gateway: {
      answerBits,
      boundBits: answerBits,
      rounds: [],
      learns: [
        samples === 1
          ? `${numbers} uniform numbers and the label: at most ${bits} bits`
          : `${numbers} uniform numbers and ${samples} labels: at most ${bits} bits`,
        "the geometry of every layer, its activation and the widths of its integers",
        "of the weights no more than labels tell; a gateway that cheats can make each label a bit of a weight of its choice, so count on as many labels as the weights have bits",
      ],
    },
  };
}
