/**
 * Encrypted inferences with a model of which functions alone have the package.
 *
 * @module
 */
import { generatePrivateKey } from "../../sdk/paillier/private/key_generation.ts";
import type { Answer } from "../../sdk/session/answer.ts";
import { connect } from "../../sdk/session/session.ts";
import { inputsOfReadings } from "../../models/simulate/sequence.ts";
import { loadReadings } from "../readings/readings.ts";
import { note } from "./command.ts";
import { countClamped, insecureMark, type KeyChoice } from "./encrypted.ts";

/** What came of them. */
export interface ServedAnswers {
  version: string;
  answers: Answer[];
  /** Values that were moved into the model's range. */
  clamped: number;
}

export interface ServedOptions {
  /** Where the functions are. */
  url: string;
  model: string;
  token?: string;
  choice: KeyChoice;
  /** File of readings. */
  input: string;
  /** Readings at most. */
  count?: number;
}

/** Infers one reading after another; values out of range are moved into it. */
export async function inferServed(
  { url, model, token, choice, input, count }: ServedOptions,
): Promise<ServedAnswers> {
  const { keyBits, insecure } = choice;
  await using session = await connect({
    url,
    model,
    token: token || undefined,
    keys: await generatePrivateKey(keyBits, { insecure }),
    onRetry: ({ delayMs, error }) =>
      note(`${error.message}; again in ${(delayMs / 1000).toFixed(1)} s`),
  });
  const inputs = inputsOfReadings(session.plan);
  const readings = await loadReadings(input, inputs, count);
  const answers: Answer[] = [];
  for (const reading of readings) {
    answers.push(await session.infer(reading, { clamp: true }));
    note(
      `${answers.length} of ${readings.length} readings${insecureMark(choice)}`,
    );
  }
  return {
    version: session.version,
    answers,
    clamped: countClamped(readings, inputs),
  };
}
