/**
 * The few functions of `@std/encoding` that this project calls, with the same
 * names and results, for machines that cannot reach that package's registry.
 * `deno.json` links it in; consumers of the published SDK get the real one.
 *
 * @module
 */
export * from "./base64url.ts";
export * from "./hex.ts";
