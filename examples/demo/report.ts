/**
 * The demo's result as text and as JSON.
 *
 * @module
 */
import type { Answer, InferencePlan } from "@cipherlayer/sdk";
import type { RoundLayout } from "@cipherlayer/sdk/protocol";
import { groupDigits, readableBytes } from "../../cli/output/numbers.ts";
import { table } from "../../cli/output/table.ts";

/** What the demo found out, ready to be told. */
export interface DemoResult {
  model: string;
  plan: InferencePlan;
  keyBits: number;
  insecure: boolean;
  /** Time that went into randomness for encryption before the inference. */
  preparedMs: number;
  /** One for each picture. */
  answers: Answer[];
  /** Digits that the pictures show, where known. */
  expected: (number | null)[];
}

/**
 * The object that `--json` prints.
 *
 * @param listed whether answers stand in lists, one item a picture
 */
export function toJson(result: DemoResult, listed: boolean) {
  const { answers, expected } = result;
  const [first] = answers;
  const perPicture = <T>(values: T[]) => listed ? values : values[0];
  return {
    model: result.model,
    keyBits: result.keyBits,
    insecure: result.insecure,
    kernel: first.kernel,
    predicted: perPicture(answers.map(({ predicted }) => predicted)),
    expected: perPicture(expected),
    scores: perPicture(answers.map(({ scores }) => scores)),
    rounds: first.rounds,
    totalMs: first.totalMs,
    bytesUp: first.bytesUp,
    bytesDown: first.bytesDown,
  };
}

/** Rounds, answer, totals, and who saw what, for people. */
export function toText(result: DemoResult): string {
  const { answers, plan } = result;
  const { rounds, totalMs, bytesUp, bytesDown, kernel } = answers[0];
  const mark = result.insecure
    ? ` [INSECURE ${result.keyBits}-bit key: figures of a toy, not for real data]`
    : "";
  const heading = [
    "round",
    "up",
    "down",
    "bytes up",
    "bytes down",
    "encrypt ms",
    "evaluate ms",
    "decrypt ms",
    "total ms",
  ];
  const cells = rounds.map((round, index) => [
    `${index + 1} ${layerName(plan.rounds[index].layout)}`,
    groupDigits(round.ciphertextsUp),
    groupDigits(round.ciphertextsDown),
    groupDigits(round.bytesUp),
    groupDigits(round.bytesDown),
    groupDigits(round.encryptMs),
    groupDigits(round.evaluateMs),
    groupDigits(round.decryptMs),
    groupDigits(round.totalMs),
  ]);
  const right = heading.map((_, column) => column).slice(1);
  const seconds = (totalMs / 1000).toFixed(2);
  const each = answers.length > 1
    ? `, ${(totalMs / 1000 / answers.length).toFixed(2)} s a picture`
    : "";
  return [
    `Rounds (ciphertexts and bytes up and down)${mark}`,
    table(heading, cells, { right, isRuled: true }),
    "",
    ...answers.map((answer, index) =>
      answerLine(answer, result.expected[index], index, answers.length)
    ),
    `Total: ${seconds} s${each}, ${readableBytes(bytesUp)} up, ${
      readableBytes(bytesDown)
    } down, ${result.keyBits}-bit key, ${kernel} kernel${mark}`,
    `Before that, while idle: ${
      (result.preparedMs / 1000).toFixed(2)
    } s for the randomness of its encryptions${mark}`,
    "",
    whatWasSeen(result),
  ].join("\n");
}

function answerLine(
  answer: Answer,
  expected: number | null,
  index: number,
  count: number,
): string {
  const shown = answer.label ?? `${answer.predicted}`;
  const check = expected === null
    ? ""
    : expected === answer.predicted
    ? " (right)"
    : ` (wrong: it shows a ${expected})`;
  const which = count > 1 ? `Answer ${index + 1}` : "Answer";
  return `${which}: ${shown}${check}${scoresLine(answer)}`;
}

/** The two best scores; nothing where the model reveals labels alone. */
function scoresLine({ scores, predicted }: Answer): string {
  if (!scores) return "";
  const runnerUp = [...scores.keys()]
    .filter((digit) => digit !== predicted)
    .reduce((best, digit) => scores[digit] > scores[best] ? digit : best);
  return `, score ${scores[predicted].toFixed(2)}; next: ${runnerUp}, score ${
    scores[runnerUp].toFixed(2)
  }`;
}

function layerName(layout: RoundLayout): string {
  return layout.kind === "spatial"
    ? `convolution ${layout.output.join("x")}`
    : `dense ${layout.outputLength}`;
}

/** In the gateway's first line, and how far it can be trusted. */
function whatGatewaySaw({ answers, plan }: DemoResult): string {
  const { leakage: { gateway }, rounds } = answers[0];
  if (gateway.rounds.length === 0) {
    const numbers = rounds.reduce(
      (sum, round) => sum + round.ciphertextsDown,
      0,
    );
    return `the answer, the shape of each layer, and ${
      groupDigits(numbers)
    } uniform numbers.
  Activations were evaluated inside garbled circuits: whatever a gateway sends, it learns
  at most ${
      gateway.boundBits.toFixed(1)
    } bits of the model a label (docs/sealed.md).`;
  }
  const values = groupDigits(
    plan.rounds.reduce(
      (sum, { layout }) =>
        sum +
        (layout.kind === "spatial"
          ? layout.output.reduce((product, size) => product * size)
          : layout.outputLength),
      0,
    ),
  );
  return `the answer, the shape of each layer, and ${values} intermediate sums${
    answers.length === 1 ? "" : " of each picture"
  },
  their channels in an order that is new for every inference. It did not see the weights; but
  such sums are equations in them, and a hostile gateway learns from many (SECURITY.md).`;
}

function whatWasSeen(result: DemoResult): string {
  const { keyBits, answers, insecure } = result;
  const { rounds } = answers[0];
  const up = groupDigits(
    rounds.reduce((sum, { ciphertextsUp }) => sum + ciphertextsUp, 0),
  );
  const strength = insecure
    ? `A ${keyBits}-bit key is INSECURE: with some computing time anybody reads everything.\n`
    : "";
  return `${strength}What the cloud saw: the public key, and ${up} numbers of ${
    2 * keyBits
  } bits, each freshly encrypted.
  It did not see the picture, anything computed from it, or the answer. It knows that
  somebody classified ${
    answers.length === 1 ? "a picture" : `${answers.length} pictures at once`
  }, and when.
What the gateway saw: ${whatGatewaySaw(result)}`;
}
