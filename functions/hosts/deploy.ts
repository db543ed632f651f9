/**
 * The functions on Deno Deploy: instances of one thread each that share a sealing
 * key and a Deno KV database. Settings as `functions/main.ts` lists them; models are
 * those of the deployment, or of a store.
 *
 * @module
 */
Deno.env.set("CIPHERLAYER_THREADS", "1");
const { default: functions } = await import("../main.ts");

Deno.serve(functions.fetch);
