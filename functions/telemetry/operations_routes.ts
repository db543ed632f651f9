/**
 * Routes of operators: health, readiness, metrics.
 *
 * @module
 */
import { Hono } from "hono";
import { type Access, openAccess } from "../access/principal.ts";
import { requireRole } from "../access/require_role.ts";
import type { ReadinessCheck } from "./readiness.ts";

/** The text of `GET /metrics`. */
export interface MetricsSource {
  contentType: string;
  text(): Promise<string>;
  /** Anybody may read; otherwise owners of models alone. */
  open: boolean;
}

export interface OperationsOptions {
  ready: ReadinessCheck;
  metrics?: MetricsSource;
  access?: Access;
}

/** GET /healthz, /readyz and, where there are metrics, /metrics. */
export function operationsRoutes(
  { ready, metrics, access = openAccess }: OperationsOptions,
): Hono {
  const routes = new Hono()
    .get("/healthz", (c) => c.text("ok"))
    .get("/readyz", async (c) => {
      const reasons = await ready();
      return c.json(
        { ready: reasons.length === 0, reasons },
        reasons.length === 0 ? 200 : 503,
        { "cache-control": "no-store" },
      );
    });
  if (metrics) {
    if (!metrics.open) routes.use("/metrics", requireRole(access, "owner"));
    routes.get("/metrics", async (c) =>
      c.text(await metrics.text(), 200, {
        "content-type": metrics.contentType,
      }));
  }
  return routes;
}
