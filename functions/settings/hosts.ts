import { ConfiguredAccess } from "../access/configured_access.ts";
import { parseAccess } from "../access/entries.ts";
import type { AppOptions } from "../app.ts";
import { numberIn } from "./number.ts";
import { sealingKeyFrom } from "./sealing_key.ts";

/** Variables by name, as environments and bindings hold them. */
export type Variables = Readonly<Record<string, unknown>>;

/** What hosts without Deno read; `functions/main.ts` says what they mean. */
export const settingNames = [
  "CIPHERLAYER_SEALING_KEY",
  "CIPHERLAYER_PREVIOUS_SEALING_KEYS",
  "CIPHERLAYER_ACCESS",
  "CIPHERLAYER_ACCOUNT_HEADER",
  "CIPHERLAYER_MAX_MS_PER_CALL",
  "CIPHERLAYER_INSECURE_KEYS",
] as const;

/**
 * What hosts cannot keep: most needs Deno KV or its files, since they have no counts
 * that all instances share, and no models but those at hand. A process on Node counts
 * calls for itself; isolates of a worker come and go.
 */
const notKept = {
  node: /^CIPHERLAYER_(KV|STORE|OWNER_KEYS|METRICS|BUDGET_\w+)$/,
  workerd:
    /^CIPHERLAYER_(KV|STORE|OWNER_KEYS|METRICS|BUDGET_\w+|\w+_PER_MINUTE|CALLS_AT_ONCE|WAITING_CALLS)$/,
};

/**
 * What the variables say of the functions on a host without Deno.
 *
 * @throws {RangeError} for a value that cannot be read, and for a setting that the
 * host cannot keep: better no functions than some without their limits
 */
export function settingsFrom(
  variables: Variables,
  host: "node" | "workerd",
): Omit<AppOptions, "models" | "sealingKey"> & { sealingKey?: Uint8Array } {
  const others = Object.keys(variables).filter((name) =>
    notKept[host].test(name)
  );
  if (others.length > 0) {
    throw new RangeError(
      `Cannot start: ${others.join(", ")} cannot be kept on ${host}`,
    );
  }
  const text = (name: typeof settingNames[number]) =>
    variables[name] as string | undefined || undefined;
  const sealingKey = text("CIPHERLAYER_SEALING_KEY");
  const accessList = text("CIPHERLAYER_ACCESS");
  const accountHeader = text("CIPHERLAYER_ACCOUNT_HEADER");
  const maxMs = "CIPHERLAYER_MAX_MS_PER_CALL";
  return {
    sealingKey: sealingKey === undefined
      ? undefined
      : sealingKeyFrom(sealingKey),
    previousSealingKeys: text("CIPHERLAYER_PREVIOUS_SEALING_KEYS")
      ?.split(",").map(sealingKeyFrom),
    access: accessList || accountHeader
      ? new ConfiguredAccess(accessList ? parseAccess(accessList) : null, {
        accountHeader,
      })
      : undefined,
    limits: {
      maxMillisecondsPerCall: numberIn(maxMs, text(maxMs)) ?? Infinity,
    },
    insecureKeys: text("CIPHERLAYER_INSECURE_KEYS") === "1",
  };
}
