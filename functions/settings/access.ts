import { AccessFile } from "../access/access_file.ts";
import { ConfiguredAccess } from "../access/configured_access.ts";
import { parseAccess } from "../access/entries.ts";
import type { Access } from "../access/principal.ts";

/**
 * Who may call, from `CIPHERLAYER_ACCESS` (a file, or its text) and
 * `CIPHERLAYER_ACCOUNT_HEADER`; undefined where neither is set.
 *
 * @throws {RangeError} naming the first line that is wrong, or where the file cannot be
 * read
 */
export async function accessFromEnvironment(): Promise<Access | undefined> {
  const list = Deno.env.get("CIPHERLAYER_ACCESS");
  const accountHeader = Deno.env.get("CIPHERLAYER_ACCOUNT_HEADER") || undefined;
  if (list?.trimStart().startsWith("{")) {
    return new ConfiguredAccess(parseAccess(list), { accountHeader });
  }
  if (list) {
    return await AccessFile.open(list, { accountHeader }).catch((cause) => {
      if (cause instanceof RangeError) throw cause;
      throw new RangeError(
        `Cannot read CIPHERLAYER_ACCESS: expected lines of JSON or a file of them (${cause.message})`,
        { cause },
      );
    });
  }
  if (accountHeader) return new ConfiguredAccess(null, { accountHeader });
}
