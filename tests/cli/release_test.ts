/** One version everywhere. */
import { equal } from "node:assert/strict";
import sdk from "../../sdk/deno.json" with { type: "json" };
import { version } from "../../sdk/support/version.ts";

Deno.test("the SDK's package has the version that programs print", () => {
  equal(sdk.version, version);
});
