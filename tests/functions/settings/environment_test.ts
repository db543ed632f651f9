/** What operators read who set something that cannot be: which variable, and what it should be. */
import assert from "node:assert/strict";
import { sealingKeyFrom } from "../../../functions/settings/sealing_key.ts";
import { serve } from "../../support/served.ts";

Deno.test("an access file that is not there, or is none, is named at the start", async () => {
  await assert.rejects(
    serve({ CIPHERLAYER_ACCESS: "/none/access.jsonl" }),
    /Cannot read CIPHERLAYER_ACCESS: expected lines of JSON or a file of them \(.*\/none\/access\.jsonl/,
  );
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "\nthe-token-itself\n");
  await assert.rejects(serve({ CIPHERLAYER_ACCESS: path }), (error: Error) => {
    assert.match(
      error.message,
      /Cannot read access, line 2: expected a JSON object/,
    );
    return !error.message.includes("the-token-itself");
  });
  await Deno.remove(path);
});

Deno.test("sealing keys: hexadecimal or base64url, 32 bytes or more; what is wrong is not repeated", () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);
  assert.deepEqual(sealingKeyFrom(key.toHex()), key);
  assert.deepEqual(
    sealingKeyFrom(key.toBase64({ alphabet: "base64url", omitPadding: true })),
    key,
  );
  const refusals = {
    "abcd": "2 bytes",
    [key.slice(1).toHex()]: "31 bytes",
    "not a key!": "10 other characters",
    [`${key.toHex()}g!`]: "66 other characters",
  };
  for (const [text, got] of Object.entries(refusals)) {
    assert.throws(
      () => sealingKeyFrom(text),
      new RangeError(
        `Cannot read sealing key: expected at least 32 bytes, hexadecimal or base64url, got ${got}`,
      ),
    );
  }
});
