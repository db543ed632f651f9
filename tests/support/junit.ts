/**
 * Reads the reports of `deno test --junit-path`.
 *
 * @module
 */

const entities: Record<string, string> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

/**
 * File and name of each test, or step of one, that was skipped. A test that a filter
 * left out is told without a time, and does not count.
 */
export function listSkipped(report: string): string[] {
  const cases = report.matchAll(
    /<testcase name="([^"]*)" classname="([^"]*)" time=[^>]*>\s*<skipped\/>/g,
  );
  return Array.from(
    cases,
    ([, name, file]) => `${unescape(file)}: ${unescape(name)}`,
  );
}

function unescape(text: string): string {
  return text.replace(
    /&(#x?[0-9a-f]+|\w+);/gi,
    (entity, name: string) =>
      name.startsWith("#")
        ? String.fromCodePoint(
          Number(name.replace("#x", "0x").replace("#", "")),
        )
        : entities[name] ?? entity,
  );
}
