/**
 * GET / and /openapi.json: what answers here, and where its calls are described.
 *
 * @module
 */
import { Hono } from "hono";
import { version } from "../../sdk/support/version.ts";
import document from "./openapi.json" with { type: "json" };

/** The routes, which anybody may call. */
export function frontDoorRoutes(): Hono {
  return new Hono()
    .get("/", (c) =>
      c.json({
        name: "cipherlayer",
        version,
        links: {
          models: "v1/models",
          openapi: "openapi.json",
          health: "healthz",
          readiness: "readyz",
        },
      }))
    .get("/openapi.json", (c) => c.json(document));
}
