/**
 * What is said of a database that cannot be used, and how long it is waited for.
 *
 * @module
 */
import { CipherlayerError } from "../../sdk/support/errors.ts";

/** A database that takes longer is given up: calls must not pile up behind it. */
const patienceMs = 3_000;

/**
 * A fault of the database, to be tried again. Neither addresses nor what was written go
 * into its message: clients see it.
 */
export function databaseFault(why: string): CipherlayerError {
  return new CipherlayerError(
    "server-fault",
    `Cannot use the database: ${why}`,
    { retryable: true },
  );
}

/**
 * What the database says, if it does in time.
 *
 * @param giveUp called where it does not; what was asked may still be done
 * @throws {CipherlayerError} `server-fault`, retryable
 */
export async function inTime<T>(
  answer: Promise<T>,
  giveUp: () => void,
  timeoutMs: number = patienceMs,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    giveUp();
    late.reject(databaseFault("it does not answer"));
  }, timeoutMs);
  answer.catch(() => {});
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Tells the operator when a database goes away and comes back, once each.
 */
export class Outages {
  readonly #notice: (message: string) => void;
  #isAway = false;

  constructor(notice: (message: string) => void) {
    this.#notice = notice;
  }

  /** @param why a code, or words of our own: drivers may repeat what they were given */
  away(why: string): void {
    if (this.#isAway) return;
    this.#isAway = true;
    this.#notice(`The database cannot be used (${why}): trying again.`);
  }

  back(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#notice("The database can be used again.");
  }
}

/** A driver's error in a word: the system's code, the server's, or its kind. */
export function codeOf(error: unknown): string {
  const { code, errors, message, constructor } = error as Error & {
    code?: unknown;
    errors?: unknown[];
  };
  if (typeof code === "string" && /^\w+$/.test(code)) return code;
  if (errors?.length) return codeOf(errors[0]);
  // Redis begins its messages with an error code.
  return /^([A-Z]{4,})\b/.exec(message)?.[1] ?? constructor.name;
}
