/**
 * Whether gateways will accept a model once it is served: its session is begun and looked
 * at as they do, before any of them meets it.
 *
 * @module
 */
import {
  isSealed,
  sealedRoundsPaced,
} from "../../sdk/garbling/rounds/sealed_rounds.ts";
import { checkPlan } from "../../sdk/session/check_plan.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import {
  decodeSessionResponse,
  encodeSessionResponse,
} from "../../sdk/wire/codec.ts";
import { contractDigest, contractOfPlan } from "../../sdk/wire/contract.ts";
import type { InferencePlan } from "../../sdk/wire/plan.ts";
import type { ModelPackage } from "../package/format.ts";
import { isReleaseName } from "../package/release.ts";
import { manifestContract } from "../protections/contract.ts";
import { guardModel } from "../protections/guard_model.ts";
import { protectionsOf } from "../protections/profile.ts";
import { planStepwise } from "./plan.ts";
import { planSealed } from "./sealed.ts";

/** Lengths of keys that gateways have; a model must fit one of them. */
const keyLengths = [2048, 3072, 4096];
/** As long as any; nobody uses it. */
const token = new Uint8Array(1024);

export interface CheckServedOptions {
  /** Length of gateways' keys. Default: the first of 2048, 3072 and 4096 that fits. */
  modulusBits?: number;
  /** Runs what takes long, with pauses or without. Default: without. */
  run?: <T>(work: Generator<void, T>) => Promise<T> | T;
}

/**
 * @param model a package that has been verified
 * @throws {CipherlayerError} `malformed` saying what a gateway would refuse, or that the
 * model fits no key
 */
export async function checkServed(
  model: ModelPackage,
  { modulusBits, run = atOnce }: CheckServedOptions = {},
): Promise<void> {
  const { name, version } = model.manifest;
  for (const text of [name, version]) {
    if (!isReleaseName(text)) {
      refuse(
        `expected a name and version of at most 100 letters, digits, _, . and -, got ${
          JSON.stringify(text.slice(0, 100))
        }`,
      );
    }
  }
  const lengths = modulusBits === undefined ? keyLengths : [modulusBits];
  const planned = await firstPlan(model, lengths, run);
  try {
    const sent = encodeSessionResponse({
      model: name,
      version,
      plan: planned.plan,
      token,
      expiresAt: 0,
    });
    const { plan } = decodeSessionResponse(sent);
    checkPlan(plan, { samples: 1, modulusBits: planned.modulusBits });
    const expected = manifestContract(model.manifest);
    const contract = contractDigest(contractOfPlan(plan));
    if (contract !== expected) {
      throw new Error(`expected contract ${expected}, got ${contract}`);
    }
    if (isSealed(plan)) {
      await sealedRoundsPaced(plan, new AbortController().signal);
    }
  } catch (error) {
    refuse((error as Error).message, error);
  }
}

/** The plan for the shortest key that the model fits. */
async function firstPlan(
  model: ModelPackage,
  lengths: readonly number[],
  run: NonNullable<CheckServedOptions["run"]>,
): Promise<{ plan: InferencePlan; modulusBits: number }> {
  let fault: unknown;
  for (const modulusBits of lengths) {
    try {
      return { plan: await planOf(model, modulusBits, run), modulusBits };
    } catch (error) {
      fault ??= error;
    }
  }
  refuse((fault as Error).message, fault);
}

/** As the functions plan it, with its decoys and label rounds. */
async function planOf(
  model: ModelPackage,
  modulusBits: number,
  run: NonNullable<CheckServedOptions["run"]>,
): Promise<InferencePlan> {
  const size = { modulusBits, samples: 1 };
  if (model.manifest.privacy === "sealed") return planSealed(model, size);
  const { model: { manifest, tensors } } = guardModel(
    model,
    protectionsOf(model.manifest),
    (length) => new Uint8Array(length),
  );
  return await run(planStepwise(manifest, { ...size, tensors }));
}

function atOnce<T>(work: Generator<void, T>): T {
  let step = work.next();
  while (!step.done) step = work.next();
  return step.value;
}

function refuse(why: string, cause?: unknown): never {
  throw new CipherlayerError(
    "malformed",
    `Cannot serve model: gateways would refuse it: ${why}`,
    { cause },
  );
}
