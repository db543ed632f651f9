/**
 * What the settings say of the functions on any host.
 *
 * @module
 */
import { decodeBase64Url } from "@std/encoding/base64url";
import { decodeHex } from "@std/encoding/hex";
import { ConfiguredAccess } from "../access/configured_access.ts";
import { parseAccess } from "../access/entries.ts";
import type { BudgetStore } from "../admission/budget.ts";
import { Gate } from "../admission/gate.ts";
import type { Rates } from "../admission/rates.ts";
import { SpentWindows } from "../admission/spent_windows.ts";
import type { AppOptions } from "../app.ts";
import type { Settings } from "./settings.ts";

const minKeyBytes = 32;
/** A gateway needs one an hour; each costs the check of its key and perhaps a plan. */
const sessionsPerMinute = 120;
/** One core: fifty inferences of LeNet. */
const sealedMsPerMinute = 60_000;
/** Seventy of these, 133 Mbit/s. */
const sealedBytesPerMinute = 1e9;

/**
 * What the functions run on, as far as every host has it.
 *
 * @throws {RangeError} for a value that cannot be read
 */
export function portableOptions(
  settings: Settings,
): Omit<AppOptions, "models" | "sealingKey"> & { sealingKey?: Uint8Array } {
  const sealingKey = settings.text("CIPHERLAYER_SEALING_KEY");
  const accessList = settings.text("CIPHERLAYER_ACCESS");
  const accountHeader = settings.text("CIPHERLAYER_ACCOUNT_HEADER");
  return {
    sealingKey: sealingKey === undefined
      ? undefined
      : sealingKeyFrom(sealingKey),
    ...sharedOptions(settings),
    access: accessList || accountHeader
      ? new ConfiguredAccess(accessList ? parseAccess(accessList) : null, {
        accountHeader,
      })
      : undefined,
  };
}

/** Of those the ones that every host reads in the same way. */
export function sharedOptions(
  settings: Settings,
): Pick<
  AppOptions,
  "previousSealingKeys" | "limits" | "origins" | "insecureKeys"
> {
  return {
    previousSealingKeys: settings.text("CIPHERLAYER_PREVIOUS_SEALING_KEYS")
      ?.split(",").map(sealingKeyFrom),
    limits: {
      maxMillisecondsPerCall: settings.number("CIPHERLAYER_MAX_MS_PER_CALL") ??
        Infinity,
    },
    origins: originsFrom(settings.text("CIPHERLAYER_ORIGINS")),
    insecureKeys: settings.isOn("CIPHERLAYER_INSECURE_KEYS"),
  };
}

/** Threads that evaluate, one at the least. */
export function threadsFrom(settings: Settings, byDefault: number): number {
  const wanted = settings.number("CIPHERLAYER_THREADS");
  return wanted === undefined ? byDefault : Math.max(1, Math.floor(wanted));
}

/** @param threads that evaluate */
export function gateFrom(settings: Settings, threads: number): Gate {
  return new Gate({
    running: Math.max(2, threads),
    waiting: settings.number("CIPHERLAYER_WAITING_CALLS"),
    perCaller: settings.number("CIPHERLAYER_CALLS_AT_ONCE"),
  });
}

/** @param store where calls are counted */
export function ratesFrom(settings: Settings, store: BudgetStore): Rates {
  return {
    store: new SpentWindows(store),
    limits: {
      callsPerMinute: settings.number("CIPHERLAYER_CALLS_PER_MINUTE"),
      sessionsPerMinute: settings.number("CIPHERLAYER_SESSIONS_PER_MINUTE") ??
        sessionsPerMinute,
      sealedMsPerMinute: settings.limit("CIPHERLAYER_SEALED_MS_PER_MINUTE") ??
        sealedMsPerMinute,
      sealedBytesPerMinute:
        settings.limit("CIPHERLAYER_SEALED_BYTES_PER_MINUTE") ??
          sealedBytesPerMinute,
    },
  };
}

/**
 * Origins from a list joined by commas; none where it is not set.
 *
 * @throws {RangeError} naming an entry that is no origin, as browsers write it
 */
export function originsFrom(text: string | undefined): string[] {
  const origins = (text ?? "").split(",").map((part) => part.trim())
    .filter((part) => part !== "");
  for (const origin of origins) {
    if (
      origin === "*" ||
      URL.canParse(origin) && new URL(origin).origin === origin
    ) continue;
    throw new RangeError(
      `Cannot read CIPHERLAYER_ORIGINS: expected origins such as https://page.example, got ${
        JSON.stringify(origin)
      }`,
    );
  }
  return origins;
}

/**
 * A sealing key from its text, hexadecimal or base64url.
 *
 * @throws {RangeError} if it is neither, or shorter than 32 bytes; the message tells
 * nothing of the text
 */
export function sealingKeyFrom(text: string): Uint8Array {
  const key = decode(text);
  if (key && key.length >= minKeyBytes) return key;
  throw new RangeError(
    `Cannot read sealing key: expected at least ${minKeyBytes} bytes, hexadecimal or base64url, got ${
      key ? `${key.length} bytes` : `${text.length} other characters`
    }`,
  );
}

function decode(text: string): Uint8Array | null {
  try {
    return /^([0-9a-fA-F]{2})+$/.test(text)
      ? decodeHex(text)
      : decodeBase64Url(text);
  } catch {
    return null;
  }
}
