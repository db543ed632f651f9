import { AccessFile } from "./access_file.ts";
import { ConfiguredAccess } from "./configured_access.ts";
import { parseAccess } from "./entries.ts";
import type { Access } from "./principal.ts";

/**
 * Who may call, from `CIPHERLAYER_ACCESS` (a file, or its text) and
 * `CIPHERLAYER_ACCOUNT_HEADER`; undefined where neither is set.
 *
 * @throws {RangeError} naming the first line that is wrong; errors of the file system
 */
export async function accessFromEnvironment(): Promise<Access | undefined> {
  const list = Deno.env.get("CIPHERLAYER_ACCESS");
  const accountHeader = Deno.env.get("CIPHERLAYER_ACCOUNT_HEADER") || undefined;
  if (list?.trimStart().startsWith("{")) {
    return new ConfiguredAccess(parseAccess(list), { accountHeader });
  }
  if (list) return await AccessFile.open(list, { accountHeader });
  if (accountHeader) return new ConfiguredAccess(null, { accountHeader });
}
