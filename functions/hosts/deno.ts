/**
 * The functions on Deno behind their own listener: `deno task serve`. Settings as
 * `functions/main.ts` lists them, and where to listen: `HOST` and `PORT`, default
 * 127.0.0.1 and 8000, and `TLS_CERT` and `TLS_KEY`, the files of a certificate and its
 * key, default: plain HTTP.
 *
 * @module
 */
import {
  certificateFiles,
  readCertificate,
  watchCertificate,
} from "./certificate.ts";
import { GuardedListener } from "./guarded_listener.ts";

async function serve(): Promise<void> {
  const files = certificateFiles(Deno.env.toObject());
  const certificate = files && await readCertificate(files);
  const { default: functions } = await import("../main.ts");
  const hostname = Deno.env.get("HOST") ?? "127.0.0.1";
  const listener = new GuardedListener(functions.fetch, {
    hostname,
    port: Number(Deno.env.get("PORT") ?? 8000),
    certificate,
  });
  if (certificate) {
    watchCertificate(files, certificate, (renewed) => listener.renew(renewed));
  }
  const scheme = certificate ? "https" : "http";
  console.error(`Listening on ${scheme}://${hostname}:${listener.port}/`);

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => void listener.stop());
  }
}

await serve().catch(({ message }: Error) => {
  console.error(`error: ${message}`);
  Deno.exit(1);
});
