/**
 * Serves the functions: `deno serve -A functions/main.ts`. From the environment:
 *
 * - `CIPHERLAYER_MODELS`: folder of model packages, default `models/zoo`;
 * - `CIPHERLAYER_SEALING_KEY`: at least 32 bytes, hexadecimal or base64url; all
 *   instances need the same, so it is required with `deno serve --parallel`;
 * - `CIPHERLAYER_INSECURE_KEYS=1`: also accept keys shorter than 2048 bits.
 *
 * @module
 */
import { decodeBase64Url } from "@std/encoding/base64url";
import { decodeHex } from "@std/encoding/hex";
import { platformRandom } from "../sdk/random.ts";
import { createApp } from "./app.ts";
import { FolderModelStore } from "./model_store.ts";

const defaultModels = new URL("../models/zoo", import.meta.url).pathname;

function sealingKey(): Uint8Array {
  const text = Deno.env.get("CIPHERLAYER_SEALING_KEY");
  if (!text) {
    console.error(
      "CIPHERLAYER_SEALING_KEY is not set: using a random one. Sessions end when this process does, and other instances refuse its tokens.",
    );
    return platformRandom(32);
  }
  return /^([0-9a-fA-F]{2})+$/.test(text)
    ? decodeHex(text)
    : decodeBase64Url(text);
}

const app = createApp({
  models: new FolderModelStore(
    Deno.env.get("CIPHERLAYER_MODELS") ?? defaultModels,
  ),
  sealingKey: sealingKey(),
  insecureKeys: Deno.env.get("CIPHERLAYER_INSECURE_KEYS") === "1",
});

export default { fetch: app.fetch };
