/** The functions on a port of this machine, and calls to them with a token. */
import { type AppOptions, createApp } from "../../functions/app.ts";
import type { Access } from "../../functions/access/principal.ts";
import { MemoryModelStore } from "../../functions/models/memory_models.ts";
import { serveLocally } from "../../functions/hosts/serve_locally.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { type Functions, sealingKey } from "./gateway.ts";

export interface Served extends AsyncDisposable {
  url: string;
  /** A caller with a bearer token, and other headers. */
  as(token: string | null, headers?: Record<string, string>): Functions;
}

export function serve(
  models: ModelPackage[],
  options: Partial<AppOptions> & { access?: Access } = {},
): Served {
  const app = createApp({
    models: new MemoryModelStore(...models),
    sealingKey,
    insecureKeys: true,
    ...options,
  });
  const server = serveLocally(app.fetch);
  const url = server.url;
  return {
    url,
    as: (token, others = {}) => ({
      request: (path, init) => {
        const headers = new Headers({ ...others, ...init.headers as object });
        if (token !== null) headers.set("authorization", `Bearer ${token}`);
        return fetch(url + path, { ...init, headers });
      },
    }),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
