/**
 * The functions as a Hono application.
 *
 * @module
 */
import { Hono, type MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import type { Protections } from "../models/protections/profile.ts";
import { CipherlayerError } from "../sdk/support/errors.ts";
import type { Kernel } from "../sdk/paillier/public/kernel.ts";
import { selectKernel } from "../sdk/paillier/public/select_kernel.ts";
import { platformRandom, type RandomSource } from "../sdk/support/random.ts";
import { type Access, openAccess } from "./access/principal.ts";
import { remoteAddress } from "./admission/address.ts";
import type { AdmissionOptions } from "./admission/admit.ts";
import { refuseUnaddressed, refuseUnmeasured } from "./admission/body.ts";
import { Gate } from "./admission/gate.ts";
import type { Rates } from "./admission/rates.ts";
import type { Budget } from "./admission/budget.ts";
import type { Deployments } from "./models/deployments.ts";
import { digestAnswers } from "./http/content_digest.ts";
import { frontDoorRoutes } from "./http/front_door.ts";
import { defaultLimits, type Limits } from "./admission/limits.ts";
import { ListedModels } from "./models/listed_models.ts";
import { remember } from "./models/remember.ts";
import type { ModelStore } from "./models/model_store.ts";
import { Keyring } from "./rounds/keyring.ts";
import { MemoryNonceStore, type NonceStore } from "./stores/spent_tokens.ts";
import { problemResponse } from "./http/problem.ts";
import { adminModelRoutes } from "./http/admin_models.ts";
import { modelRoutes } from "./http/models.ts";
import { roundRoutes } from "./http/rounds.ts";
import { sealedRoutes } from "./http/sealed.ts";
import { SealedModels } from "./rounds/sealed/sealed_models.ts";
import { sessionRoutes } from "./http/sessions.ts";
import type { CallObserver } from "./telemetry/call_record.ts";
import { Log } from "./telemetry/log.ts";
import { observeCalls } from "./telemetry/observe_calls.ts";
import {
  type MetricsSource,
  operationsRoutes,
} from "./telemetry/operations_routes.ts";
import {
  allOf,
  kernelWorks,
  reachable,
  type ReadinessCheck,
} from "./telemetry/readiness.ts";
import type { EvaluationThreads } from "./threads/threads.ts";

/** Readiness results are reused for this long. */
const readinessLifetimeMs = 1000;

/** What the functions run on. */
export interface AppOptions {
  models: ModelStore;
  /** What owners do with models, under `/v1/admin/models`; default: nothing. */
  deployments?: Deployments;
  /** At least 32 secret bytes; instances that share it answer each other's tokens. */
  sealingKey: Uint8Array;
  /** Earlier sealing keys, for sessions that were started under them. */
  previousSealingKeys?: Uint8Array[];
  /** Where spent tokens are remembered. Default: this process alone. */
  nonces?: NonceStore;
  /** What accounts may be told; unlimited by default. */
  budget?: Budget;
  /** Who may call; default: everybody, as clients of one account. */
  access?: Access;
  /** How many calls run and wait; default: its own gate (`defaultGateLimits`). */
  gate?: Gate;
  /** How often a caller may call; unlimited by default. */
  rates?: Rates;
  /** In place of those that a model's manifest asks for: to measure what each is worth. */
  protections?: Partial<Protections>;
  /** Default: the fastest that is right on this machine. */
  kernel?: Kernel;
  /** Milliseconds since 1970; default: the machine's clock. */
  clock?: () => number;
  random?: RandomSource;
  /** Also accept keys of 512 to 2047 bits, which protect nothing: for tests and comparisons. */
  insecureKeys?: boolean;
  limits?: Partial<Limits>;
  /** Threads that evaluate rounds; default: the caller's own. */
  threads?: EvaluationThreads;
  /**
   * Where a call comes from, by what the host passes to `fetch` beside the request:
   * it distinguishes callers without an account. Default: as Deno's server says.
   */
  address?: (host: unknown) => string | undefined;
  /** Origins whose pages may call, `*` for all; default: none. */
  origins?: string[];
  /** Receives every call; default: a log of faults on standard error. */
  observers?: CallObserver[];
  /** What `GET /metrics` gives; default: there is none. */
  metrics?: MetricsSource;
  /** Reasons not to be sent calls, besides those that the functions see by themselves. */
  ready?: ReadinessCheck;
}

/**
 * The functions as a Hono application: stateless, every call can go to another
 * instance (PROTOCOL.md).
 *
 * @throws {RangeError} if the sealing key is shorter than 32 bytes
 */
export function createApp(options: AppOptions): Hono {
  const limits = { ...defaultLimits, ...options.limits };
  const kernel = options.kernel ?? selectKernel();
  const clock = options.clock ?? Date.now;
  const { threads, deployments } = options;
  const models = new ListedModels(options.models);
  if (threads && deployments) {
    deployments.onChange = (model) => threads.announceChange(model);
  }
  const access = options.access ?? openAccess;
  const gate = options.gate ?? new Gate();
  const admission: AdmissionOptions = {
    access,
    gate,
    rates: options.rates,
    limits,
    address: options.address ?? remoteAddress,
    clock,
  };
  const keyring = new Keyring(
    options.sealingKey,
    options.previousSealingKeys ?? [],
    { ...limits, kernel, protections: options.protections, callLimits: limits },
  );
  const sealedModels = new SealedModels(limits);
  const nonces = options.nonces ?? new MemoryNonceStore(clock);
  const app = new Hono();
  app.use(observeCalls(
    options.observers ?? [new Log({ level: "errors", format: "text" })],
  ));
  app.use(refuseUnaddressed);
  app.use(refuseUnmeasured);
  const { origins = [] } = options;
  if (origins.length > 0) app.use(corsFor(origins));
  app.route(
    "/",
    operationsRoutes({
      metrics: options.metrics,
      access,
      ready: allOf(
        remember(
          allOf(
            reachable("the model store", () => models.list()),
            kernelWorks(kernel),
            ...threads ? [reachable("a thread", () => threads.ping())] : [],
          ),
          readinessLifetimeMs,
        ),
        () => Promise.resolve(gate.draining ? ["stopping"] : []),
        ...options.ready ? [options.ready] : [],
      ),
    }),
  );
  app.route("/", frontDoorRoutes());
  app.use("/v1/*", digestAnswers);
  app.route("/v1/models", modelRoutes({ ...admission, models }));
  app.route(
    "/v1/sessions",
    sessionRoutes({
      ...admission,
      models,
      keyring,
      random: options.random ?? platformRandom,
      insecureKeys: options.insecureKeys ?? false,
      threads,
      sealedModels,
      budget: options.budget,
    }),
  );
  app.route(
    "/v1/rounds",
    roundRoutes({
      ...admission,
      models,
      keyring,
      kernel,
      nonces,
      budget: options.budget,
      threads,
    }),
  );
  app.route(
    "/v1/sealed",
    sealedRoutes({
      ...admission,
      models,
      keyring,
      kernel,
      sealedModels,
      budget: options.budget,
      nonces,
    }),
  );
  app.route(
    "/v1/admin/models",
    adminModelRoutes({ ...admission, deployments: options.deployments }),
  );
  app.notFound((c) =>
    problemResponse(
      new CipherlayerError(
        "malformed",
        `Cannot serve ${c.req.method} here: PROTOCOL.md lists the calls`,
      ),
      404,
    )
  );
  app.onError((error) => problemResponse(error));
  return app;
}

/** Lets pages of these origins call: calls carry no cookies. */
function corsFor(origins: string[]): MiddlewareHandler {
  return cors({
    origin: origins.includes("*") ? "*" : origins,
    allowMethods: ["GET", "POST"],
    allowHeaders: ["content-digest", "authorization", "content-type"],
    exposeHeaders: [
      "content-digest",
      "retry-after",
      "server-timing",
      "x-request-id",
    ],
    maxAge: 86400,
  });
}
