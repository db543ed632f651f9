/**
 * Numbers for people.
 *
 * @module
 */

/** A whole number, thousands grouped: 1234567.4 -> "1,234,567". */
export function groupDigits(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** Three significant digits, and all of them before the point: "0.0123", "12.3", "1,235". */
export function threeDigits(value: number): string {
  return value.toLocaleString("en-US", {
    maximumSignificantDigits: value >= 1000
      ? Math.ceil(Math.log10(value + 1))
      : 3,
  });
}

/** Four significant digits, and no zeros behind them: 0.0078740157 -> "0.007874". */
export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** Bytes in the decimal unit that suits them: "61.4 kB", "1.21 MB". */
export function readableBytes(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`;
  return bytes < 1e6
    ? `${(bytes / 1e3).toFixed(bytes < 1e5 ? 1 : 0)} kB`
    : `${(bytes / 1e6).toFixed(2)} MB`;
}

/** The first twenty numbers, in brackets. */
export function listNumbers(values: readonly number[]): string {
  const texts = values.slice(0, 20).map((value) => value.toPrecision(5));
  return `[${texts.join(", ")}]`;
}
