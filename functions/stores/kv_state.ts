/**
 * Shared state in Deno KV. Runtime: Deno.
 *
 * @module
 */
import { Heartbeat } from "./heartbeat.ts";
import { KvObjectStore } from "./kv.ts";
import { KvBudgetStore } from "./kv_budget.ts";
import { damageOf, isCut } from "./kv_damage.ts";
import { whenUnlocked } from "./kv_lock.ts";
import { KvNonceStore } from "./kv_spent_tokens.ts";
import type { SharedState } from "./shared_state.ts";

/**
 * Opens a database.
 *
 * @param path a file, `:memory:` or a URL; default: Deno's own for this program
 * @throws {Error} where it is damaged, or cannot be opened
 */
export async function openKvState(
  path: string | undefined,
  { beats }: { beats: boolean },
): Promise<SharedState> {
  const file = path !== undefined && isFile(path) ? path : undefined;
  const damage = file === undefined ? null : damageOf(file);
  if (damage) throw new Error(`${path} is damaged: ${damage}`);
  const kv = await whenUnlocked(() => Deno.openKv(path));
  await whenUnlocked(() => kv.get(["cipherlayer"]));
  const heartbeat = new Heartbeat(kv, {
    isCut: () => file !== undefined && isCut(file),
  });
  const stop = beats ? heartbeat.start() : () => {};
  return {
    nonces: new KvNonceStore(kv),
    budgets: new KvBudgetStore(kv),
    objects: new KvObjectStore(kv),
    ready: beats ? heartbeat.ready : undefined,
    close() {
      stop();
      // A damaged one is closed already.
      try {
        kv.close();
      } catch (error) {
        if (!(error instanceof Deno.errors.BadResource)) throw error;
      }
      return Promise.resolve();
    },
  };
}

/** Others are in memory, or on other machines. */
function isFile(path: string): boolean {
  return path !== ":memory:" && !/^https?:/.test(path);
}
