import { Hono } from "hono";
import { modelInfo, type ModelStore } from "../model_store.ts";

/** GET /v1/models and /v1/models/{name}. */
export function modelRoutes(models: ModelStore): Hono {
  return new Hono()
    .get("/", async (c) => c.json(await models.list()))
    .get("/:name", async (c) => {
      const model = await models.load(c.req.param("name"));
      return c.json(modelInfo(model));
    });
}
