/**
 * The functions on Deno behind a listener of their own: `deno task serve`. Settings as
 * `functions/main.ts` lists them, and `HOST` and `PORT`: where to listen, default
 * 127.0.0.1 and 8000.
 *
 * @module
 */
import functions from "../main.ts";
import { GuardedListener } from "./guarded_listener.ts";

const hostname = Deno.env.get("HOST") ?? "127.0.0.1";
const listener = new GuardedListener(functions.fetch, {
  hostname,
  port: Number(Deno.env.get("PORT") ?? 8000),
});
console.error(`Listening on http://${hostname}:${listener.port}/`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => void listener.stop());
}
