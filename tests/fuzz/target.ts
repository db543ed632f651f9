/** What a fuzz target is, and which errors count as a refusal. */
import type fc from "fast-check";
import { CipherlayerError, type ErrorCode } from "../../sdk/support/errors.ts";

/** One format, or one door through which bytes of others come in. */
export interface FuzzTarget<Input> {
  /** Valid inputs, damaged ones, and ones that were never valid. */
  inputs: fc.Arbitrary<Input>;
  /**
   * Throws unless the input is refused by a declared error, or taken and what was
   * read of it means the same when it is written and read again.
   */
  check(input: Input): void | Promise<void>;
  /** Cases in the tests. */
  quickCases: number;
}

/** Whether an error is one that a function documents. */
export type Declared = (error: Error) => boolean;

/** Longest message of an error: it must not repeat whatever it was given. */
const maxMessageCharacters = 4000;

/** The code's own form of messages, which the engine's do not have. */
function hasOurForm({ message }: Error): boolean {
  return /^Cannot /.test(message) &&
    message.length <= maxMessageCharacters &&
    !/^Cannot (read prop|set prop|convert |mix |destructure )/.test(message);
}

/** `CipherlayerError` of one of these codes. */
export function coded(...codes: ErrorCode[]): Declared {
  return (error) =>
    error instanceof CipherlayerError && codes.includes(error.code) &&
    hasOurForm(error);
}

/** `RangeError` of our own; those that the engine throws are crashes. */
export const range: Declared = (error) =>
  error.constructor === RangeError && hasOurForm(error);

/** Whether an error, or one that it wraps, is the engine's: a crash that somebody caught. */
export function hidesCrash(error: Error): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const engine = at.constructor === TypeError ||
      at.constructor === RangeError || at.constructor === ReferenceError;
    if (engine && !hasOurForm(at)) return true;
  }
  return false;
}

/**
 * The result of `run`; null where it was refused.
 *
 * @throws whatever `run` throws that is not declared
 */
export function taken<T>(declared: Declared, run: () => T): T | null {
  try {
    return run();
  } catch (error) {
    if (error instanceof Error && declared(error)) return null;
    throw error;
  }
}

/** {@linkcode taken} for functions that promise. */
export async function takenLater<T>(
  declared: Declared,
  run: () => Promise<T>,
): Promise<T | null> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Error && declared(error)) return null;
    throw error;
  }
}
