/**
 * The shared state that the environment names. Runtime: Deno and Node; drivers of
 * databases are loaded where they are used.
 *
 * @module
 */
import { mkdir } from "node:fs/promises";
import type { SharedState } from "../stores/shared_state.ts";
import { FolderNonceStore } from "../stores/spent_folder.ts";
import { logFrom } from "./log.ts";
import type { Settings } from "./settings.ts";

/** What opens it. */
export interface StateRole {
  /** The listener of an instance speaks for its threads: to operators, and to instances. */
  isListener: boolean;
  /** Deno KV, where the runtime has it. */
  openKv?: (
    path: string | undefined,
    options: { beats: boolean },
  ) => Promise<SharedState>;
}

/**
 * Opens `CIPHERLAYER_STATE`: `redis://` or `rediss://`, `postgres://`, `kv` or
 * `kv:PATH` on Deno, or `folder:PATH`, which holds spent tokens alone.
 *
 * @returns undefined where it is not set
 * @throws {RangeError} if it is something else, or cannot be opened; a server that is
 * away is waited for instead. No message repeats an address: passwords stand there
 */
export async function openState(
  settings: Settings,
  { isListener, openKv }: StateRole,
): Promise<SharedState | undefined> {
  const where = settings.text("CIPHERLAYER_STATE");
  const replicas = settings.number("CIPHERLAYER_STATE_REPLICAS");
  const [kind, path] = splitState(where ?? "");
  const isRedis = kind === "redis" || kind === "rediss";
  if (replicas !== undefined && !isRedis) {
    throw new RangeError(
      "Cannot use CIPHERLAYER_STATE_REPLICAS: expected redis:// in CIPHERLAYER_STATE",
    );
  }
  if (where === undefined) return undefined;
  const role = { beats: isListener };
  const log = logFrom(settings);
  const notice = (message: string) => {
    if (isListener) log.notice(message);
  };
  const opening = async () => {
    if (isRedis) {
      const { openRedisState } = await import("../stores/redis/state.ts");
      return await openRedisState({ url: where, replicas, notice }, role);
    }
    if (kind === "postgres" || kind === "postgresql") {
      const { openPostgresState } = await import("../stores/postgres/state.ts");
      return openPostgresState({ url: where, notice }, role);
    }
    if (kind === "folder" && path) return await openFolder(path);
    if (kind === "kv" && openKv) return await openKv(path || undefined, role);
    throw new RangeError(
      `expected ${
        openKv ? "kv:PATH, " : ""
      }folder:PATH, redis://HOST or postgres://HOST/DATABASE`,
    );
  };
  return await opening().catch((error) => {
    const why = hasAddress(kind) && !(error instanceof RangeError)
      ? "expected an address such as redis://:PASSWORD@HOST:6379/0 or postgres://USER:PASSWORD@HOST/DATABASE"
      : (error as Error).message;
    throw new RangeError(`Cannot use CIPHERLAYER_STATE: ${why}`);
  });
}

/** What stands before the first colon, and after. */
export function splitState(where: string): [kind: string, path: string] {
  const colon = where.indexOf(":");
  return colon < 0
    ? [where, ""]
    : [where.slice(0, colon).toLowerCase(), where.slice(colon + 1)];
}

function hasAddress(kind: string): boolean {
  return /^(rediss?|postgres(ql)?)$/.test(kind);
}

/** Spent tokens of all processes of this machine. */
async function openFolder(path: string): Promise<SharedState> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  return {
    nonces: new FolderNonceStore(path),
    close: () => Promise.resolve(),
  };
}
