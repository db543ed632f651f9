/**
 * The shared state that the environment names. Runtime: Deno and Node.
 *
 * @module
 */
import { openSharedState, splitState } from "../stores/open_state.ts";
import type { OpenStateOptions } from "../stores/open_state.ts";
import type { SharedState } from "../stores/shared_state.ts";
import { logFrom } from "./log.ts";
import type { Settings } from "./settings.ts";

/** What opens it. */
export interface StateRole extends Pick<OpenStateOptions, "openKv"> {
  /** The listener of an instance speaks for its threads: to operators, and to instances. */
  isListener: boolean;
}

/**
 * Opens `CIPHERLAYER_STATE`: `redis://` or `rediss://`, `postgres://`, `kv` or
 * `kv:PATH` on Deno, or `folder:PATH`, which holds spent tokens alone.
 *
 * @returns undefined where it is not set
 * @throws {RangeError} as `openSharedState` does
 */
export async function openState(
  settings: Settings,
  { isListener, openKv }: StateRole,
): Promise<SharedState | undefined> {
  const where = settings.text("CIPHERLAYER_STATE");
  const replicas = settings.number("CIPHERLAYER_STATE_REPLICAS");
  if (replicas !== undefined && !/^rediss?$/.test(splitState(where ?? "")[0])) {
    throw new RangeError(
      "Cannot use CIPHERLAYER_STATE_REPLICAS: expected redis:// in CIPHERLAYER_STATE",
    );
  }
  if (where === undefined) return undefined;
  const log = logFrom(settings);
  const notice = (message: string) => {
    if (isListener) log.notice(message);
  };
  const options = { replicas, beats: isListener, notice, openKv };
  return await openSharedState(where, options).catch((error: Error) => {
    throw new RangeError(`Cannot use CIPHERLAYER_STATE: ${error.message}`);
  });
}
