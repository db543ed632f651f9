/**
 * A number from the environment; undefined where it is not set.
 *
 * @throws {RangeError} if it is not a number of 0 or more
 */
export function numberFrom(name: string): number | undefined {
  const text = Deno.env.get(name);
  if (!text) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new RangeError(
    `Cannot read ${name}: expected a number of 0 or more, got ${
      JSON.stringify(text)
    }`,
  );
}
