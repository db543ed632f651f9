import { Hono } from "hono";
import { type Access, mayUse } from "../access/principal.ts";
import { type AccessEnv, requireRole } from "../access/require_role.ts";
import { modelInfo, modelNotFound, type ModelStore } from "../model_store.ts";

/** GET /v1/models and /v1/models/{name}: those that the caller may use. */
export function modelRoutes(
  models: ModelStore,
  access: Access,
): Hono<AccessEnv> {
  const isClient = requireRole(access, "client");
  return new Hono<AccessEnv>()
    .get("/", isClient, async (c) => {
      const all = await models.list();
      return c.json(all.filter(({ name }) => mayUse(c.get("principal"), name)));
    })
    .get("/:name", isClient, async (c) => {
      const name = c.req.param("name");
      if (!mayUse(c.get("principal"), name)) throw modelNotFound(name);
      return c.json(modelInfo(await models.load(name)));
    });
}
