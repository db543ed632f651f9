/**
 * Routes of model owners: upload, activate, roll back, withdraw, delete.
 *
 * @module
 */
import { Hono } from "hono";
import {
  chunkBytes,
  maxSignedReleaseBytes,
} from "../../models/package/release.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { mayUse } from "../access/principal.ts";
import { type AccessEnv, requireRole } from "../access/require_role.ts";
import { type AdmissionOptions, admitAside } from "../admission/admit.ts";
import { readBody } from "../admission/body.ts";
import type { Deployments } from "../models/deployments.ts";

export interface AdminModelRoutesOptions extends AdmissionOptions {
  /** Undefined where these functions have no store for uploads. */
  deployments?: Deployments;
}

/**
 * The control plane, `/v1/admin/models`: for owners alone, each for the models of
 * their account (PROTOCOL.md).
 */
export function adminModelRoutes(
  options: AdminModelRoutesOptions,
): Hono<AccessEnv> {
  const { deployments } = options;
  const routes = new Hono<AccessEnv>();
  routes.use(requireRole(options.access, "owner"));
  // A package of many chunks is no reason to have its owner wait for the next minute.
  routes.use(admitAside(options, { charged: false }));
  if (!deployments) {
    return routes.all("/*", () => {
      throw new CipherlayerError(
        "unsupported",
        "Cannot manage models: these functions have no store for them (CIPHERLAYER_STORE)",
      );
    });
  }
  routes.use("/:name/*", async (c, next) => {
    if (!mayUse(c.get("principal"), c.req.param("name"))) {
      throw new CipherlayerError(
        "forbidden",
        "Cannot answer: expected a model of this account",
      );
    }
    await next();
  });
  const { bodyPatienceMs } = options.limits;
  const bodyOf = (request: Request, bodyBytes: number) =>
    readBody(request, { bodyBytes, bodyPatienceMs }, () => {});
  const name = "/:name";
  const upload = `${name}/uploads/:id{[0-9a-f]{64}}`;
  const version = `${name}/versions/:version`;
  return routes
    .get("/", async (c) => {
      const principal = c.get("principal");
      return c.json(await deployments.list((name) => mayUse(principal, name)));
    })
    .get(
      name,
      async (c) => c.json(await deployments.status(c.req.param("name"))),
    )
    .post(`${name}/uploads`, async (c) => {
      const body = await bodyOf(c.req.raw, maxSignedReleaseBytes);
      const signed = new TextDecoder().decode(body);
      return c.json(await deployments.begin(c.req.param("name"), signed));
    })
    .put(
      `${upload}/chunks/:digest{[0-9a-f]{64}}`,
      async (c) => {
        const { name, id, digest } = c.req.param();
        const bytes = await bodyOf(c.req.raw, chunkBytes);
        await deployments.putChunk(name, id, digest, bytes);
        return c.body(null, 204);
      },
    )
    .post(`${upload}/commit`, async (c) => {
      const { name, id } = c.req.param();
      return c.json(await deployments.commit(name, id));
    })
    .post(`${version}/activate`, async (c) => {
      const { name, version } = c.req.param();
      return c.json(await deployments.activate(name, version));
    })
    .post(`${name}/rollback`, async (c) => {
      const to = c.req.query("to");
      return c.json(await deployments.rollBack(c.req.param("name"), to));
    })
    .post(
      `${name}/withdraw`,
      async (c) => c.json(await deployments.withdraw(c.req.param("name"))),
    )
    .delete(version, async (c) => {
      const { name, version } = c.req.param();
      return c.json(await deployments.remove(name, version));
    });
}
