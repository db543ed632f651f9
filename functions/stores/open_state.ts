/**
 * Opens shared state by its address. Runtime: Deno and Node; drivers of databases are
 * loaded where they are used.
 *
 * @module
 */
import { mkdir } from "node:fs/promises";
import type { SharedState } from "./shared_state.ts";
import { FolderNonceStore } from "./spent_folder.ts";

export interface OpenStateOptions {
  /** Replicas of a Redis server that have what is written before it counts. Default: 0. */
  replicas?: number;
  /** This instance's time is left there, and others' looked at. Default: true. */
  beats?: boolean;
  /** Told when the database goes away and comes back; default: standard error. */
  notice?: (message: string) => void;
  /** Deno KV, where the runtime has it. */
  openKv?: (
    path: string | undefined,
    options: { beats: boolean },
  ) => Promise<SharedState>;
}

/**
 * Opens `redis://` or `rediss://`, `postgres://`, or `folder:PATH`, which holds spent
 * tokens alone. A server that is away is waited for: meanwhile every call that needs it
 * is refused, to be tried again.
 *
 * @throws {RangeError} if it is something else, or cannot be opened. No message repeats
 * an address: passwords stand there
 */
export async function openSharedState(
  where: string,
  options: OpenStateOptions = {},
): Promise<SharedState> {
  const [kind, path] = splitState(where);
  const { replicas, beats = true, notice = console.error, openKv } = options;
  const role = { beats };
  switch (kind) {
    case "redis":
    case "rediss": {
      const { openRedisState } = await import("./redis/state.ts");
      return await openRedisState({ url: where, replicas, notice }, role)
        .catch(refuseAddress);
    }
    case "postgres":
    case "postgresql": {
      const { openPostgresState } = await import("./postgres/state.ts");
      return await openPostgresState({ url: where, notice }, role)
        .catch(refuseAddress);
    }
    case "folder":
      if (path) return await openFolder(path);
      break;
    case "kv":
      if (openKv) return await openKv(path || undefined, role);
  }
  throw new RangeError(
    `expected ${
      openKv ? "kv:PATH, " : ""
    }folder:PATH, redis://HOST or postgres://HOST/DATABASE`,
  );
}

/** What stands before the first colon, and after. */
export function splitState(where: string): [kind: string, path: string] {
  const colon = where.indexOf(":");
  return colon < 0
    ? [where, ""]
    : [where.slice(0, colon).toLowerCase(), where.slice(colon + 1)];
}

/** A driver's own words may repeat what it was given. */
function refuseAddress(): never {
  throw new RangeError(
    "expected an address such as redis://:PASSWORD@HOST:6379/0 or postgres://USER:PASSWORD@HOST/DATABASE",
  );
}

/** Spent tokens of all processes of this machine. */
async function openFolder(path: string): Promise<SharedState> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  return {
    nonces: new FolderNonceStore(path),
    close: () => Promise.resolve(),
  };
}
