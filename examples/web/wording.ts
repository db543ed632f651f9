/**
 * What the page says of an inference, for everybody.
 *
 * @module
 */
import type { LeakageReport, RoundReport } from "@cipherlayer/sdk";
import { groupDigits, readableBytes } from "../../cli/output/numbers.ts";
import { type Confidence, readableShare } from "./confidence.ts";
import type { AnswerSeen, RoundSeen } from "./messages.ts";

/** The answer in a sentence; without `confidence` where the model tells no more. */
export function sayAnswer(
  predicted: number,
  confidence: Confidence | null,
): string {
  if (!confidence) {
    return `It is a ${predicted}. How sure the network is stays hidden.`;
  }
  const { shares, best, second, isSure } = confidence;
  const share = (digit: number) => `${digit} (${readableShare(shares[digit])})`;
  return isSure
    ? `It is a ${best}. The network is ${readableShare(shares[best])} sure.`
    : `Not sure: perhaps ${share(best)}, perhaps ${share(second)}.`;
}

/** A number that matters, and what it counts. */
export type Headline = [number: string, text: string];

/** What the answer took. */
export function costHeadlines(
  { totalMs, bytesUp, bytesDown }: AnswerSeen,
  rounds: number,
): Headline[] {
  return [
    [readableSeconds(totalMs), "from asking to the answer"],
    [String(rounds), "round trips"],
    [readableBytes(bytesUp), "left, encrypted"],
    [readableBytes(bytesDown), "came back, encrypted"],
  ];
}

/** Where the time went, and with which arithmetic. */
export function sayWork(
  reports: readonly RoundReport[],
  kernel: string,
  threads: number,
): string {
  const total = (part: "encryptMs" | "evaluateMs" | "decryptMs") =>
    readableSeconds(reports.reduce((sum, report) => sum + report[part], 0));
  const how = kernel !== "bigint"
    ? `WebAssembly${threads > 1 ? ` on ${threads} threads` : ""}${
      kernel === "wasm"
        ? ", the fast way"
        : " without fused multiply-adds: half as fast as with them"
    }`
    : "JavaScript's big integers: several times slower than WebAssembly, with the same results";
  return `Encrypting took ${total("encryptMs")}, the cloud's work ${
    total("evaluateMs")
  }, decrypting ${
    total("decryptMs")
  }. This side calculates with ${how}. Without encryption the same network takes milliseconds: that is the price.`;
}

/** What one side learns: a number, and a few points. */
export interface Learnt {
  headline: Headline;
  points: string[];
}

/** What the cloud and this browser could learn. */
export function sayLearnt(
  { cloud, gateway }: LeakageReport,
): { cloud: Learnt; gateway: Learnt } {
  const sums = gateway.rounds.reduce((sum, round) => sum + round.equations, 0);
  return {
    cloud: {
      headline: [
        `${groupDigits(cloud.bits)} bits`,
        "of your digit or of the answer, unless the encryption is broken",
      ],
      points: [
        "That somebody asked, when, from which network address, and with which public key.",
        `${
          groupDigits(cloud.ciphertexts)
        } encrypted numbers: as many for every drawing.`,
      ],
    },
    gateway: gateway.rounds.length === 0 ? sealedGateway : {
      headline: [`${groupDigits(sums)} sums`, "on the way to the answer"],
      points: [
        `The answer, how sure the network is, and the shape of its ${gateway.rounds.length} layers.`,
        "Not what the network has learnt, its weights. Somebody who asks very often, or cheats, can work out some of them; a model's owner can limit that.",
      ],
    },
  };
}

const sealedGateway: Learnt = {
  headline: ["1 digit", "the answer alone, not how sure the network is"],
  points: [
    "On the way only numbers that look random, and the shape of the network.",
    "Somebody who asks very often can still learn from the answers; a model's owner can limit that.",
  ],
};

/** Cells of the table of bits and equations, one row a round. */
export function leakageCells({ gateway }: LeakageReport): string[][] {
  return gateway.rounds.map((round) => [
    groupDigits(round.equations),
    groupDigits(round.boundBits),
    `${groupDigits(round.outputs)} × ${groupDigits(round.weightsPerOutput)}`,
    groupDigits(round.inferencesToSolve),
  ]);
}

/** Cells of the table of costs. */
export function costCells({ report }: RoundSeen): string[] {
  const { encryptMs, evaluateMs, decryptMs, totalMs } = report;
  return [
    readableBytes(report.bytesUp),
    readableBytes(report.bytesDown),
    ...[encryptMs, evaluateMs, decryptMs, totalMs]
      .map((ms) => `${groupDigits(ms)} ms`),
  ];
}

/** The outcome of a guess between two pictures, and what luck alone would give. */
export function sayGuess(
  isRight: boolean,
  hits: number,
  tries: number,
): string {
  const outcome = isRight ? "You found it" : "It was the other one";
  return `${outcome}. Found ${groupDigits(hits)} of ${groupDigits(tries)}: ` +
    "tossing a coin finds half, and the cloud can do no better.";
}

/** How a number begins, in hexadecimal. */
export function readableHex(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")
    .replace(/.{8}(?=.)/g, "$& ");
}

/** How the first number that was sent in a round begins. */
export function sayCiphertext({ index, cloud }: RoundSeen): string {
  const shown = readableHex(cloud.bytes.slice(0, 24));
  return `Round ${index + 1}: numbers of ${
    groupDigits(8 * cloud.ciphertextBytes)
  } bits; the first begins, in hexadecimal, ${shown} …`;
}

function readableSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
