/**
 * Lets only callers of a role reach a route.
 *
 * @module
 */
import { createMiddleware } from "hono/factory";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { Access, Principal, Role } from "./principal.ts";

/** What routes behind {@linkcode requireRole} find: `c.get("principal")`. */
export interface AccessEnv {
  Variables: { principal: Principal };
}

/**
 * Lets only callers with `role` pass, before anything of the body is read.
 *
 * @throws {CipherlayerError} `unauthenticated` if nobody known calls, `forbidden` if
 * the caller lacks the role
 */
export function requireRole(access: Access, role: Role) {
  return createMiddleware<AccessEnv>(async (c, next) => {
    const principal = await access.identify(c.req.raw);
    if (!principal) {
      throw new CipherlayerError(
        "unauthenticated",
        "Cannot answer: expected the bearer token of an account",
      );
    }
    if (!principal.roles.includes(role)) {
      throw new CipherlayerError(
        "forbidden",
        `Cannot answer: expected an account with the role ${role}`,
      );
    }
    c.set("principal", principal);
    await next();
  });
}
