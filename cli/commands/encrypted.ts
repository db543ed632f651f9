/**
 * What commands share that infer encrypted: the key's size, functions of this process.
 *
 * @module
 */
import type { Command } from "commander";
import { MemoryBudgetStore } from "../../functions/admission/budget.ts";
import { createApp } from "../../functions/app.ts";
import { MemoryModelStore } from "../../functions/models/memory_models.ts";
import { openLoopbackServer } from "../../functions/hosts/loopback_server.ts";
import type { LocalServer } from "../../functions/hosts/serve_locally.ts";
import type { InputSpec } from "../../sdk/wire/values.ts";
import { quantise } from "../../sdk/fixed_point/quantise.ts";
import { sum } from "../../sdk/support/numbers.ts";
import { generatePrivateKey } from "../../sdk/paillier/private/key_generation.ts";
import type { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { platformRandom } from "../../sdk/support/random.ts";
import { connect, type Session } from "../../sdk/session/session.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { maxSamples } from "../../models/planner/plan.ts";
import { guardModel } from "../../models/protections/guard_model.ts";
import {
  type Protections,
  protectionsOf,
} from "../../models/protections/profile.ts";
import { note, UsageError, wholeNumber } from "./command.ts";

/** The size of a key that is made for one run. */
export interface KeyChoice {
  keyBits: number;
  /** Smaller than any key should be that guards data. */
  insecure: boolean;
}

export interface KeyOptions {
  keyBits?: number;
  insecureKeyBits?: number;
}

export const minSecureBits = 2048;
/** More would save little time and cost memory. */
const maxSamplesAtOnce = 64;
/** Functions of this process are never lost, only slow with many samples at once. */
const localTimeoutMs = 60 * 60 * 1000;
/** Answers stay exact: the simulator knows no noise. */
const exact: Partial<Protections> = { disturbance: 0 };

export function addKeyOptions(command: Command): Command {
  return command
    .option(
      "--key-bits <n>",
      `bits of the key (default: ${minSecureBits})`,
      wholeNumber(minSecureBits),
    )
    .option(
      "--insecure-key-bits <n>",
      "bits of a key that protects nothing: for tests and comparisons",
      wholeNumber(512),
    );
}

/** @throws {UsageError} where both options are there */
export function keyChoice(
  { keyBits, insecureKeyBits }: KeyOptions,
): KeyChoice {
  if (keyBits !== undefined && insecureKeyBits !== undefined) {
    throw new UsageError(
      "Cannot use both --key-bits and --insecure-key-bits: give one",
    );
  }
  return {
    keyBits: insecureKeyBits ?? keyBits ?? minSecureBits,
    insecure: insecureKeyBits !== undefined,
  };
}

/** Stands wherever a figure is shown that was made with a small key. */
export function insecureMark({ keyBits, insecure }: KeyChoice): string {
  return insecure
    ? ` [INSECURE ${keyBits}-bit key: figures of a toy, not for real data]`
    : "";
}

/** The same for a size that nobody has called insecure. */
export function keyMark(keyBits: number): string {
  return insecureMark({ keyBits, insecure: keyBits < minSecureBits });
}

/** Values that quantisation moves into the model's range. */
export function countClamped(
  readings: readonly Float64Array[],
  inputs: readonly InputSpec[],
): number {
  const unbounded = inputs.map((input) => ({
    ...input,
    low: -Infinity,
    high: Infinity,
  }));
  return sum(readings.map((reading) => {
    const form = { inputs: [...inputs], states: [] };
    const held = quantise(reading, form, { clamp: true });
    return quantise(reading, { ...form, inputs: unbounded })
      .filter((integer, i) => integer !== held[i]).length;
  }));
}

/**
 * Samples that an inference with `model` should carry, of `count` to be inferred:
 * as many as fit its plaintexts. Sealed ones cost tables each: one.
 */
export function samplesAtOnce(
  model: ModelPackage,
  keyBits: number,
  count: number,
): number {
  if (model.manifest.privacy === "sealed") return 1;
  const protections = { ...protectionsOf(model.manifest), ...exact };
  const guarded = guardModel(model, protections, platformRandom);
  const fitting = maxSamples(guarded.model.manifest, keyBits);
  return Math.max(1, Math.min(count, maxSamplesAtOnce, fitting));
}

/** An open session and all that it runs on. */
export interface EncryptedService extends AsyncDisposable {
  session: Session;
}

/**
 * Connects to `model` with a key of one's own, a new one by default: at `url`, or on
 * functions of this process, on a port of this machine, that serve it without noise.
 */
export async function openService(
  model: ModelPackage,
  { keyBits, insecure }: KeyChoice,
  { url, token, samples, owner }: {
    url?: string;
    /** For the functions at `url`. */
    token?: string;
    samples: number;
    owner?: PaillierEngine;
  },
): Promise<EncryptedService> {
  const keys = owner ?? await generatePrivateKey(keyBits, { insecure });
  const server = url === undefined ? await serve(model, insecure) : null;
  let session: Session | undefined;
  try {
    session = await connect({
      url: url ?? server!.url,
      token: url === undefined ? undefined : token || undefined,
      model: model.manifest.name,
      keys,
      samples,
      timeoutMs: url === undefined ? localTimeoutMs : undefined,
      onRetry: ({ delayMs, error }) =>
        note(`${error.message}; again in ${(delayMs / 1000).toFixed(1)} s`),
    });
    const { version } = model.manifest;
    if (session.version !== version) {
      throw new Error(
        `Cannot compare with the simulator: expected version ${version} at ${url}, got ${session.version}`,
      );
    }
  } catch (error) {
    await session?.close();
    await server?.shutdown();
    throw error;
  }
  const opened = session;
  return {
    session: opened,
    async [Symbol.asyncDispose]() {
      await opened.close();
      await server?.shutdown();
    },
  };
}

function serve(
  model: ModelPackage,
  insecureKeys: boolean,
): Promise<LocalServer> {
  const app = createApp({
    models: new MemoryModelStore(model),
    sealingKey: platformRandom(32),
    protections: exact,
    insecureKeys,
    // A locally served model is in the user's hands: its labels need no limit.
    budget: {
      store: new MemoryBudgetStore(),
      limits: { perModelDay: Infinity },
    },
  });
  return openLoopbackServer(app.fetch);
}
