/**
 * The functions as a Cloudflare Worker. Runtime: workerd. `build_worker.ts` adds
 * the entry that brings the models along.
 *
 * @module
 */
import type { Hono } from "hono";
import type { PackageFiles } from "../../models/package/package_bytes.ts";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import type { Kernel } from "../../sdk/paillier/public/kernel.ts";
import { bigIntKernel } from "../../sdk/paillier/public/kernel_bigint.ts";
import { bitLength } from "../../sdk/paillier/public/big_integer.ts";
import { unfusedKernel } from "../../sdk/paillier/wasm/kernel_wasm.ts";
import {
  limbsFor,
  longDigits,
  shortDigits,
} from "../../sdk/paillier/wasm/limbs.ts";
import { pairModule } from "../../sdk/paillier/wasm/pair_module.ts";
import { Gate } from "../admission/gate.ts";
import { createApp } from "../app.ts";
import type { Limits } from "../admission/limits.ts";
import { EmbeddedModels } from "./embedded_models.ts";
import { portableOptions } from "../settings/options.ts";
import { Settings, type Variables } from "../settings/settings.ts";
import { type ObjectNamespace, ObjectNonceStore } from "./spent_token.ts";

export { SpentToken } from "./spent_token.ts";

/** Bindings: variables, secrets, and where spent tokens are remembered. */
export interface WorkerEnvironment extends Variables {
  SPENT_TOKENS?: ObjectNamespace;
}

/** Lengths of keys that the kernel is made ready for; the first two are insecure ones. */
const modulusBits = [512, 1024, 2048, 3072, 4096];

/** An isolate has 128 MB for everything: its code, models, tables and requests. */
const limits: Partial<Limits> = {
  bodyBytes: 8 * 2 ** 20,
  samples: 64,
  randomiserBytes: 24 * 2 ** 20,
};

/**
 * Calls of an isolate. None waits for another to end: the platform takes a request
 * that waits for nothing for one that hangs.
 */
const gateLimits = { running: 128, waiting: 0, bodyBytes: 32 * 2 ** 20 };

/**
 * The worker's handler, made while its module is evaluated.
 *
 * @param files of the packages, by their models' names
 */
export function createWorker(files: ReadonlyMap<string, PackageFiles>) {
  const kernel = kernelAtStart();
  const models = new EmbeddedModels(files);
  let app: Hono | undefined;
  return {
    fetch(request: Request, environment: WorkerEnvironment) {
      // Random numbers and bindings are there from the first request on.
      app ??= createApp({
        models,
        kernel,
        gate: new Gate(gateLimits),
        ...optionsFrom(environment),
      });
      return app.fetch(request);
    },
  };
}

function optionsFrom(environment: WorkerEnvironment) {
  const { SPENT_TOKENS: spentTokens, ...variables } = environment;
  const { sealingKey, ...options } = portableOptions(
    new Settings(variables, "workerd"),
  );
  if (!sealingKey) {
    throw new RangeError(
      "Cannot start: expected CIPHERLAYER_SEALING_KEY, which all isolates share, got none",
    );
  }
  if (!spentTokens) {
    console.warn(
      'SPENT_TOKENS is not bound: spent tokens are known to this isolate alone, and "reveal": "label" protects no more than "scores".',
    );
  }
  return {
    ...options,
    limits: { ...limits, ...options.limits },
    sealingKey,
    nonces: spentTokens && new ObjectNonceStore(spentTokens),
  };
}

/**
 * The kernel with its modules compiled now: this platform compiles none once
 * requests are answered. Keys of other lengths fall to BigInt.
 */
function kernelAtStart(): Kernel {
  const kernel = selectKernel();
  if (kernel === bigIntKernel) {
    console.warn(
      "WebAssembly with SIMD cannot be compiled here: rounds run on BigInt, several times slower.",
    );
    return kernel;
  }
  const format = kernel === unfusedKernel ? shortDigits : longDigits;
  const ready = new Set(modulusBits.map((bits) => limbsFor(bits, format)));
  for (const limbs of ready) pairModule(limbs, format);
  return {
    ...kernel,
    open(moduli, registers) {
      const limbs = limbsFor(Math.max(...moduli.map(bitLength)), format);
      return (ready.has(limbs) ? kernel : bigIntKernel).open(moduli, registers);
    },
  };
}
