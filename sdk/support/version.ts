/**
 * The version of this program: what `sdk/deno.json` and the npm packages say.
 *
 * @module
 */
export const version = "0.1.0";
