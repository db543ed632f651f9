/**
 * Routes that list the models a caller may use.
 *
 * @module
 */
import { Hono } from "hono";
import { mayUse } from "../access/principal.ts";
import { type AccessEnv, requireRole } from "../access/require_role.ts";
import { type AdmissionOptions, admitAside } from "../admission/admit.ts";
import { modelInfo, type ModelStore } from "../models/model_store.ts";
import { findModel } from "./session_checks.ts";

export interface ModelRoutesOptions extends AdmissionOptions {
  models: ModelStore;
}

/** GET /v1/models and /v1/models/{name}: those that the caller may use. */
export function modelRoutes(options: ModelRoutesOptions): Hono<AccessEnv> {
  const { models } = options;
  const isClient = requireRole(options.access, "client");
  const admitted = admitAside(options, { charged: true });
  return new Hono<AccessEnv>()
    .get("/", isClient, admitted, async (c) => {
      const all = await models.list();
      return c.json(all.filter(({ name }) => mayUse(c.get("principal"), name)));
    })
    .get("/:name", isClient, admitted, async (c) => {
      const name = c.req.param("name");
      const principal = c.get("principal");
      return c.json(modelInfo(await findModel(models, name, principal)));
    });
}
