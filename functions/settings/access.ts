/**
 * Who may call, as the environment says. Runtime: Deno and Node.
 *
 * @module
 */
import { AccessFile } from "../access/access_file.ts";
import { ConfiguredAccess } from "../access/configured_access.ts";
import { parseAccess } from "../access/entries.ts";
import type { Access } from "../access/principal.ts";
import type { Settings } from "./settings.ts";

/**
 * Who may call, from a file or its text; undefined where everybody may.
 *
 * @throws {RangeError} naming the first line that is wrong, or where the file cannot be
 * read
 */
export async function accessFrom(
  settings: Settings,
): Promise<Access | undefined> {
  const list = settings.text("CIPHERLAYER_ACCESS");
  const accountHeader = settings.text("CIPHERLAYER_ACCOUNT_HEADER");
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
