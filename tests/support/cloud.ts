/** Real functions on a real port, for whole inferences. */
import { createApp } from "../../functions/app.ts";
import type { Budget } from "../../functions/admission/budget.ts";
import type { Limits } from "../../functions/admission/limits.ts";
import type { Rates } from "../../functions/admission/rates.ts";
import { MemoryModelStore } from "../../functions/models/memory_models.ts";
import type { NonceStore } from "../../functions/stores/spent_tokens.ts";
import { serveLocally } from "../../functions/hosts/serve_locally.ts";
import type { ModelPackage } from "../../models/package/format.ts";

export interface CloudOptions {
  /** 0: any free one. */
  port?: number;
  sealingKey?: Uint8Array;
  previousSealingKeys?: Uint8Array[];
  clock?: () => number;
  /** What accounts may be told. */
  budget?: Budget;
  rates?: Rates;
  limits?: Partial<Limits>;
  /** Where spent tokens are remembered. @default of this cloud alone */
  nonces?: NonceStore;
  /** Sees each call before the functions; an answer of its own replaces theirs. */
  intercept?: (
    request: Request,
  ) => Response | undefined | Promise<Response | undefined>;
}

export interface Cloud extends AsyncDisposable {
  url: string;
  port: number;
  /** Paths called so far, with shards. */
  calls: string[];
  stop(): Promise<void>;
}

/** A sealing key that all instances of a test share. */
export const sealingKey = new Uint8Array(32).fill(7);

/** What functions answer a token that has expired: the session is to be renewed. */
export function expired(): Response {
  return Response.json({ code: "token-expired", detail: "expired" }, {
    status: 401,
    headers: { "content-type": "application/problem+json" },
  });
}

export function startCloud(
  models: ModelPackage[],
  options: CloudOptions = {},
): Cloud {
  const app = createApp({
    models: new MemoryModelStore(...models),
    sealingKey: options.sealingKey ?? sealingKey,
    previousSealingKeys: options.previousSealingKeys,
    insecureKeys: true,
    clock: options.clock,
    budget: options.budget,
    nonces: options.nonces,
    rates: options.rates,
    limits: options.limits,
  });
  const calls: string[] = [];
  const server = serveLocally(
    async (request) => {
      const { pathname, search } = new URL(request.url);
      calls.push(pathname + search);
      return await options.intercept?.(request) ?? app.fetch(request);
    },
    options.port,
  );
  let stopped: Promise<void> | undefined;
  const stop = () => stopped ??= server.shutdown();
  return {
    url: server.url,
    port: server.port,
    calls,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
