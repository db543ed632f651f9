/**
 * A number from the environment; undefined where it is not set.
 *
 * @throws {RangeError} if it is not a number of 0 or more
 */
export function numberFrom(name: string): number | undefined {
  return numberIn(name, Deno.env.get(name));
}

/** The same from the variable's text. */
export function numberIn(
  name: string,
  text: string | undefined,
): number | undefined {
  if (!text) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new RangeError(
    `Cannot read ${name}: expected a number of 0 or more, got ${
      JSON.stringify(text)
    }`,
  );
}
