/**
 * Reads the `CIPHERLAYER_*` settings of a host; `functions/main.ts` says what they mean.
 *
 * @module
 */

import { nearestName } from "../../sdk/support/nearest.ts";

/** Variables by name, as environments and bindings hold them. */
export type Variables = Readonly<Record<string, unknown>>;

export type SettingsHost = "deno" | "node" | "workerd";

/** What every host reads. */
export const portableSettings = [
  "CIPHERLAYER_SEALING_KEY",
  "CIPHERLAYER_PREVIOUS_SEALING_KEYS",
  "CIPHERLAYER_ACCESS",
  "CIPHERLAYER_ACCOUNT_HEADER",
  "CIPHERLAYER_MAX_MS_PER_CALL",
  "CIPHERLAYER_INSECURE_KEYS",
  "CIPHERLAYER_ORIGINS",
] as const;

/** What is no matter of the functions, or nothing to refuse where it has no effect. */
const accepted = [
  "CIPHERLAYER_MODELS",
  "CIPHERLAYER_THREADS",
  "CIPHERLAYER_LOG",
  "CIPHERLAYER_LOG_FORMAT",
] as const;

/** What isolates of a worker, which come and go and share nothing, cannot keep; a process can. */
const ofProcess = [
  "CIPHERLAYER_STATE",
  "CIPHERLAYER_STATE_REPLICAS",
  "CIPHERLAYER_STORE",
  "CIPHERLAYER_OWNER_KEYS",
  "CIPHERLAYER_METRICS",
  "CIPHERLAYER_BUDGET_PER_MINUTE",
  "CIPHERLAYER_BUDGET_PER_DAY",
  "CIPHERLAYER_BUDGET_PER_MODEL_DAY",
  "CIPHERLAYER_SESSIONS_PER_MINUTE",
  "CIPHERLAYER_CALLS_PER_MINUTE",
  "CIPHERLAYER_SEALED_MS_PER_MINUTE",
  "CIPHERLAYER_SEALED_BYTES_PER_MINUTE",
  "CIPHERLAYER_CALLS_AT_ONCE",
  "CIPHERLAYER_WAITING_CALLS",
] as const;

/** Of gateways, the command line and the tests, which may share the environment. */
const ofOtherPrograms = [
  "CIPHERLAYER_PASSPHRASE",
  "CIPHERLAYER_TOKEN",
  "CIPHERLAYER_URL",
  "CIPHERLAYER_DATA",
  "CIPHERLAYER_SCREENSHOTS",
  "CIPHERLAYER_STRESS",
  "CIPHERLAYER_CONTAINER",
];

const notKept: Record<SettingsHost, readonly string[]> = {
  deno: [],
  node: [],
  workerd: ofProcess,
};

const settingNames = [
  ...portableSettings,
  ...accepted,
  ...ofProcess,
] as const;

export type SettingName = typeof settingNames[number];

/** The settings of one host, by name; an empty one counts as not set. */
export class Settings {
  readonly #variables: Variables;

  /**
   * @param variables what does not begin with `CIPHERLAYER_` is not looked at
   * @throws {RangeError} for a setting that is not known, naming the nearest one, and
   * for one that the host cannot keep: better no functions than some without their
   * limits
   */
  constructor(variables: Variables, host: SettingsHost) {
    const names = Object.keys(variables).filter((name) =>
      name.startsWith("CIPHERLAYER_")
    );
    const known: readonly string[] = [...settingNames, ...ofOtherPrograms];
    for (const name of names) {
      if (known.includes(name)) continue;
      throw new RangeError(
        `Cannot start: setting ${name} is not known; the nearest is ${
          nearestName(name, settingNames)
        }`,
      );
    }
    const lost = names.filter((name) => notKept[host].includes(name));
    if (lost.length > 0) {
      throw new RangeError(
        `Cannot start: ${lost.join(", ")} cannot be kept on ${host}`,
      );
    }
    this.#variables = variables;
  }

  text(name: SettingName): string | undefined {
    return this.#variables[name] as string | undefined || undefined;
  }

  isOn(name: SettingName): boolean {
    return this.text(name) === "1";
  }

  /** Parts between commas, without blanks around them and without empty ones. */
  list(name: SettingName): string[] {
    const parts = this.text(name)?.split(",") ?? [];
    return parts.map((part) => part.trim()).filter((part) => part !== "");
  }

  /** @throws {RangeError} if it is not a number of 0 or more */
  number(name: SettingName): number | undefined {
    const text = this.text(name);
    if (!text) return undefined;
    const value = Number(text);
    if (Number.isFinite(value) && value >= 0) return value;
    throw new RangeError(
      `Cannot read ${name}: expected a number of 0 or more, got ${
        JSON.stringify(text)
      }`,
    );
  }

  /**
   * A number of 0 or more, or `unlimited`: Infinity.
   *
   * @throws {RangeError} if it is anything else
   */
  limit(name: SettingName): number | undefined {
    return this.text(name) === "unlimited" ? Infinity : this.number(name);
  }

  /**
   * One of `values`, the first where it is not set.
   *
   * @throws {RangeError} if it is another
   */
  choice<T extends string>(name: SettingName, values: readonly T[]): T {
    const text = this.text(name);
    if (!text) return values[0];
    const value = values.find((value) => value === text);
    if (value) return value;
    throw new RangeError(
      `Cannot read ${name}: expected one of ${values.join(", ")}, got ${
        JSON.stringify(text)
      }`,
    );
  }
}
