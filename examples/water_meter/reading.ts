/**
 * Checks a reading against the value before.
 *
 * @module
 */
/** What is known of a meter. */
export interface MeterScale {
  /** Digits behind the decimal point. */
  decimals: number;
  /** More than this in an hour is taken for a misreading; in the meter's unit. */
  maxPerHour: number;
}

/** The last value that passed the checks. */
export interface KnownValue {
  /** Count of the last digit. */
  ticks: number;
  /** When; -Infinity if that is not known. */
  atMs: number;
}

/**
 * A reading under the names that AI-on-the-edge-device gives them. Values are text,
 * so that no digit is lost.
 */
export interface MeterReading {
  /** The reading if it passed the checks, else the one before; "" if there is none. */
  value: string;
  /** The digits as they were read. */
  raw: string;
  /** The value before this reading; "" if there is none. */
  pre: string;
  /** "no error", "Neg. Rate - ..." or "Rate too high - ...". */
  error: string;
  /** Since the value before, in the meter's unit a minute; "" if unknown. */
  rate: string;
  /** The same in an hour. */
  rate_per_time_unit: string;
  /** When the picture was taken, ISO 8601. */
  timestamp: string;
}

/**
 * Checks what was read against the value before: a meter does not run backwards,
 * and not faster than its pipe allows.
 *
 * @param digits as read, first to last, each 0 to 9
 * @param known the last value that passed, or null: then anything passes
 * @returns the reading, and what is known after it
 */
export function checkReading(
  digits: number[],
  atMs: number,
  known: KnownValue | null,
  scale: MeterScale,
): { reading: MeterReading; known: KnownValue | null } {
  const ticks = Number(digits.join(""));
  const text = (count: number) => formatTicks(count, digits.length, scale);
  const shown = {
    raw: withPoint(digits.join(""), scale.decimals),
    pre: known ? text(known.ticks) : "",
    timestamp: new Date(atMs).toISOString(),
  };
  if (known === null) {
    return {
      reading: {
        value: text(ticks),
        error: "no error",
        rate: "",
        rate_per_time_unit: "",
        ...shown,
      },
      known: { ticks, atMs },
    };
  }
  // Where the clock has not gone on, the time between is unknown.
  const hours = atMs > known.atMs ? (atMs - known.atMs) / 3_600_000 : Infinity;
  const perHourOf = (count: number) => count / 10 ** scale.decimals / hours;
  // A fall is a roll-over if it is a flow that can be, in a time that is known.
  const wrapped = ticks - known.ticks + 10 ** digits.length;
  const rolledOver = ticks < known.ticks && Number.isFinite(hours) &&
    wrapped < 10 ** digits.length / 2 && perHourOf(wrapped) <= scale.maxPerHour;
  const change = rolledOver ? wrapped : ticks - known.ticks;
  const perHour = perHourOf(change);
  const what = `Read: ${text(ticks)} - Raw: ${shown.raw} - Pre: ${shown.pre}`;
  const error = change < 0
    ? `Neg. Rate - ${what}`
    : perHour > scale.maxPerHour
    ? `Rate too high - ${what} - Rate: ${perHour.toFixed(3)} an hour`
    : "no error";
  const passed = error === "no error";
  const rated = passed && Number.isFinite(hours);
  return {
    reading: {
      value: passed ? text(ticks) : shown.pre,
      error,
      rate: rated ? (perHour / 60).toFixed(6) : "",
      rate_per_time_unit: rated ? perHour.toFixed(4) : "",
      ...shown,
    },
    known: passed ? { ticks, atMs } : known,
  };
}

/**
 * The count that a value such as "123.456" stands for.
 *
 * @throws {RangeError} if the text is no such value
 */
export function parseTicks(text: string, { decimals }: MeterScale): number {
  const match = /^(\d{1,12})(?:\.(\d*))?$/.exec(text.trim());
  if (!match || (match[2] ?? "").length > decimals) {
    throw new RangeError(
      `Cannot read value: expected a number with at most ${decimals} decimals, got "${text}"`,
    );
  }
  return Number(match[1] + (match[2] ?? "").padEnd(decimals, "0"));
}

/** As the meter shows it, without zeros in front. */
function formatTicks(
  ticks: number,
  length: number,
  { decimals }: MeterScale,
): string {
  const text = withPoint(String(ticks).padStart(length, "0"), decimals);
  return text.replace(/^0+(?=\d)/, "");
}

function withPoint(digits: string, decimals: number): string {
  return decimals === 0
    ? digits
    : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
