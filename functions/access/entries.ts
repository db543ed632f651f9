/**
 * The operator's list of who may call: one JSON object a line.
 *
 * ```json
 * {"account":"plant-7","roles":["client"],"models":["occupancy"],"sha256":"9f86…","expiresAt":"2027-01-01T00:00:00.000Z"}
 * {"account":"acme","roles":["client","owner"],"models":"all"}
 * ```
 *
 * A line with `sha256` is for the holder of the token of that digest; one without,
 * for the account that a proxy names.
 *
 * @module
 */
import type { Principal, Role } from "./principal.ts";

export interface AccessEntry extends Principal {
  /** SHA-256 of the token's text, 64 hexadecimal digits. */
  sha256?: string;
  /** The token is good until then, ISO 8601; without it until the line is taken away. */
  expiresAt?: string;
}

const roles: readonly unknown[] = ["client", "owner"] satisfies Role[];
const members: readonly string[] = [
  "account",
  "roles",
  "models",
  "sha256",
  "expiresAt",
];

/**
 * Reads the list; empty lines are skipped.
 *
 * @throws {RangeError} naming the line; never what stands in it, which may be a secret
 */
export function parseAccess(text: string): AccessEntry[] {
  const entries: AccessEntry[] = [];
  const known = new Set<string>();
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const refuse = (expected: string): never => {
      throw new RangeError(
        `Cannot read access, line ${index + 1}: expected ${expected}`,
      );
    };
    const entry = readEntry(line, refuse);
    const name = entry.sha256 ?? JSON.stringify(entry.account);
    if (known.has(name)) {
      refuse("a token or an account that no line before it is for");
    }
    known.add(name);
    entries.push(entry);
  }
  return entries;
}

function readEntry(
  line: string,
  refuse: (expected: string) => never,
): AccessEntry {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(line);
  } catch {
    return refuse("a JSON object");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    refuse("a JSON object");
  }
  if (Object.keys(value).some((name) => !members.includes(name))) {
    refuse(`no members but ${members.join(", ")}`);
  }
  const { account, roles: given, models, sha256, expiresAt } = value;
  if (typeof account !== "string" || account === "" || account.length > 200) {
    return refuse("account to be text of 1 to 200 characters");
  }
  if (
    !Array.isArray(given) || given.length === 0 ||
    !given.every((role) => roles.includes(role))
  ) return refuse(`roles to be a list of ${roles.join(", ")}`);
  if (
    models !== "all" &&
    !(Array.isArray(models) && models.every((name) => typeof name === "string"))
  ) return refuse('models to be "all" or a list of names');
  if (
    sha256 !== undefined &&
    !(typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256))
  ) return refuse("sha256 to be 64 hexadecimal digits in lower case");
  if (
    expiresAt !== undefined &&
    !(typeof expiresAt === "string" && sha256 !== undefined &&
      Number.isFinite(Date.parse(expiresAt)))
  ) return refuse("expiresAt to be an ISO 8601 date, beside sha256");
  return { account, roles: given, models, sha256, expiresAt };
}
