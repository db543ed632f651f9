/**
 * Serves the functions: `deno serve -A functions/main.ts`. From the environment:
 *
 * - `CIPHERLAYER_MODELS`: folder of model packages, default `models/zoo`;
 * - `CIPHERLAYER_SEALING_KEY`: at least 32 bytes, hexadecimal or base64url; all
 *   instances need the same, so it is required with `deno serve --parallel`;
 * - `CIPHERLAYER_PREVIOUS_SEALING_KEYS`: earlier ones, joined by commas, for one
 *   token lifetime (an hour) after a change: sessions begun under them go on;
 * - `CIPHERLAYER_KV`: path or URL of the Deno KV database in which spent tokens and
 *   budgets are kept; default: Deno's own for this program;
 * - `CIPHERLAYER_BUDGET_PER_MINUTE`, `_PER_DAY`, `_PER_MODEL_DAY`: values (outputs
 *   times samples) that an account may be told; unlimited by default;
 * - `CIPHERLAYER_ACCOUNT_HEADER`: the header in which a proxy that authenticates
 *   clients names their account; without it all clients are one account;
 * - `CIPHERLAYER_INSECURE_KEYS=1`: also accept keys shorter than 2048 bits.
 *
 * @module
 */
import { decodeBase64Url } from "@std/encoding/base64url";
import { decodeHex } from "@std/encoding/hex";
import { platformRandom } from "../sdk/random.ts";
import { createApp } from "./app.ts";
import { KvBudgetStore, MemoryBudgetStore } from "./budget.ts";
import { FolderModelStore } from "./model_store.ts";
import { KvNonceStore } from "./privacy/nonces.ts";

const defaultModels = new URL("../models/zoo", import.meta.url).pathname;

function sealingKey(): Uint8Array {
  const text = Deno.env.get("CIPHERLAYER_SEALING_KEY");
  if (!text) {
    console.error(
      "CIPHERLAYER_SEALING_KEY is not set: using a random one. Sessions end when this process does, and other instances refuse its tokens.",
    );
    return platformRandom(32);
  }
  return keyFrom(text);
}

function keyFrom(text: string): Uint8Array {
  return /^([0-9a-fA-F]{2})+$/.test(text)
    ? decodeHex(text)
    : decodeBase64Url(text);
}

/** Where spent tokens and budgets are kept; without it, in each process apart. */
async function openKv(): Promise<Deno.Kv | undefined> {
  try {
    return await Deno.openKv(Deno.env.get("CIPHERLAYER_KV"));
  } catch (error) {
    console.error(
      `Deno KV cannot be opened (${
        (error as Error).message
      }): spent tokens and budgets are known to this process alone. With other instances, "reveal": "label" protects no more than "scores".`,
    );
  }
}

/** A number from the environment; undefined where it is not set. */
function limit(name: string): number | undefined {
  const text = Deno.env.get(`CIPHERLAYER_BUDGET_${name}`);
  if (!text) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new RangeError(
    `Cannot read CIPHERLAYER_BUDGET_${name}: expected a number of 0 or more, got ${
      JSON.stringify(text)
    }`,
  );
}

const kv = await openKv();
const accountHeader = Deno.env.get("CIPHERLAYER_ACCOUNT_HEADER");

const app = createApp({
  models: new FolderModelStore(
    Deno.env.get("CIPHERLAYER_MODELS") ?? defaultModels,
  ),
  sealingKey: sealingKey(),
  previousSealingKeys:
    Deno.env.get("CIPHERLAYER_PREVIOUS_SEALING_KEYS")?.split(",").map(
      keyFrom,
    ) ?? [],
  nonces: kv && new KvNonceStore(kv),
  budget: {
    store: kv ? new KvBudgetStore(kv) : new MemoryBudgetStore(),
    limits: {
      perMinute: limit("PER_MINUTE"),
      perDay: limit("PER_DAY"),
      perModelDay: limit("PER_MODEL_DAY"),
    },
    account: accountHeader
      ? (request) => request.headers.get(accountHeader) ?? "none"
      : undefined,
  },
  insecureKeys: Deno.env.get("CIPHERLAYER_INSECURE_KEYS") === "1",
});

export default { fetch: app.fetch };
