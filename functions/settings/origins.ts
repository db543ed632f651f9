/**
 * Pages that may call the functions.
 *
 * @module
 */

/**
 * Origins from a list joined by commas; none where it is not set.
 *
 * @throws {RangeError} naming an entry that is no origin, as browsers write it
 */
export function originsFrom(text: string | undefined): string[] {
  const origins = (text ?? "").split(",").map((part) => part.trim())
    .filter((part) => part !== "");
  for (const origin of origins) {
    if (origin === "*" || URL.parse(origin)?.origin === origin) continue;
    throw new RangeError(
      `Cannot read CIPHERLAYER_ORIGINS: expected origins such as https://page.example, got ${
        JSON.stringify(origin)
      }`,
    );
  }
  return origins;
}
