/**
 * What it takes to believe a reading: a first value, and one that cannot follow from
 * the value before, need pictures that agree with each other.
 *
 * @module
 */
import {
  checkReading,
  type KnownValue,
  type MeterReading,
  type MeterScale,
} from "./reading.ts";

/** What is believed of a meter, and what is not yet. */
export interface Beliefs {
  /** The last value that passed, or null. */
  known: KnownValue | null;
  /** The latest of some readings that agree with each other and not with `known`. */
  rival: (KnownValue & { pictures: number }) | null;
}

/** Pictures that agree, this one included, for a first value and for another level. */
const needed = { first: 2, other: 3 };

/** Judges what was read by what is believed; returns the reading and new beliefs. */
export function judgeReading(
  digits: number[],
  atMs: number,
  { known, rival }: Beliefs,
  scale: MeterScale,
): { reading: MeterReading; beliefs: Beliefs } {
  const checked = checkReading(digits, atMs, known, scale);
  if (known !== null && checked.known !== known) {
    return {
      reading: checked.reading,
      beliefs: { known: checked.known, rival: null },
    };
  }
  const ticks = Number(digits.join(""));
  const agrees = rival !== null &&
    checkReading(digits, atMs, rival, scale).known !== rival;
  const pictures = agrees ? rival!.pictures + 1 : 1;
  if (pictures >= (known === null ? needed.first : needed.other)) {
    const { reading, known: believed } = checkReading(
      digits,
      atMs,
      null,
      scale,
    );
    const pre = checked.reading.pre;
    return {
      reading: { ...reading, pre },
      beliefs: { known: believed, rival: null },
    };
  }
  const error = known === null
    ? "First value - another picture has to agree"
    : checked.reading.error;
  const value = known === null ? "" : checked.reading.value;
  return {
    reading: { ...checked.reading, value, error },
    beliefs: { known, rival: { ticks, atMs, pictures } },
  };
}
