/**
 * Texts of the other side made safe to print.
 *
 * @module
 */
/**
 * A space for each run of control characters (C0, C1), separators of lines, and
 * marks that change the direction of what follows.
 */
export function printable(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g,
    " ",
  );
}
