/**
 * Evaluates queued readings with a session, and tells refusals from answers.
 *
 * @module
 */
import { quantise } from "../fixed_point/quantise.ts";
import type { Reading } from "../fixed_point/reading.ts";
import type { Session } from "../session/session.ts";
import type { InferOptions } from "../session/session_options.ts";
import type { Answer } from "../session/answer.ts";
import { CipherlayerError } from "../support/errors.ts";
import type { QueuedOutcome } from "./queue_options.ts";
import type { StoredReadings } from "./stored_readings.ts";

type InferenceOutcome =
  | { answer: Answer; answers?: Answer[] }
  | { refused: string };

/** Of an inference, and the contract for which the readings were taken. */
export type EvaluateOptions = InferOptions & { contract: string };

/** Evaluates what waits under each number, single readings together; outcomes by number. */
export async function evaluateReadings(
  session: Session,
  waiting: readonly StoredReadings[],
  options: EvaluateOptions,
): Promise<Map<number, QueuedOutcome>> {
  const outcomes = new Map<number, QueuedOutcome>();
  const singles = waiting.filter(({ batch }) => !batch);
  const results = await inferEach(
    session,
    singles.map(({ values }) => values[0]),
    options,
  );
  for (const [i, reading] of singles.entries()) {
    outcomes.set(reading.id, told(reading, results[i]));
  }
  for (const reading of waiting.filter(({ batch }) => batch)) {
    const result = await inferBatch(session, reading.values, options);
    outcomes.set(reading.id, told(reading, result));
  }
  return outcomes;
}

/** One outcome for each reading: one that the model refuses does not stop the others. */
async function inferEach(
  session: Session,
  readings: Reading[],
  options: EvaluateOptions,
): Promise<InferenceOutcome[]> {
  const refusals = refusalsOf(session, readings, options);
  const answers = await session.inferMany(
    readings.filter((_, i) => refusals[i] === null),
    options,
  );
  return refusals.map((refusal) =>
    refusal === null
      ? { answer: answers.shift()! }
      : { refused: refusal.message }
  );
}

/** One outcome for all: a reading that the model refuses stops the others. */
async function inferBatch(
  session: Session,
  readings: Reading[],
  options: EvaluateOptions,
): Promise<InferenceOutcome> {
  const refusal = refusalsOf(session, readings, options)
    .find((refusal) => refusal !== null);
  if (refusal) return { refused: refusal.message };
  const answers = await session.inferMany(readings, options);
  return { answer: answers.at(-1)!, answers };
}

/**
 * Why the model does not take each reading; null if it does.
 *
 * @throws {CipherlayerError} `contract-changed` if a model of another contract than
 * the queue's refuses one, which is then kept
 */
function refusalsOf(
  session: Session,
  readings: Reading[],
  { clamp, contract }: EvaluateOptions,
): (Error | null)[] {
  const refusals = readings.map((reading) =>
    refusalOf(session, reading, clamp)
  );
  const cause = refusals.find((refusal) => refusal !== null);
  if (cause && session.contract !== contract) {
    throw new CipherlayerError(
      "contract-changed",
      `Cannot process queue: expected contract ${contract} of a model that refuses a reading, got ${session.contract}`,
      { cause },
    );
  }
  return refusals;
}

/** Why the model does not take the reading; null if it does. */
function refusalOf(
  { plan }: Session,
  reading: Reading,
  clamp?: boolean,
): Error | null {
  try {
    quantise(reading, plan, { clamp });
    return null;
  } catch (error) {
    return error as Error;
  }
}

function told(
  { id, takenAt, meta }: StoredReadings,
  result: InferenceOutcome,
): QueuedOutcome {
  const known = meta === undefined ? { takenAt } : { takenAt, meta };
  return { id, ...known, ...result };
}
