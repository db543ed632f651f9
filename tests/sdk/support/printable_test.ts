/** Texts of the cloud hold no character that a terminal or a log would obey. */
import { equal, match, ok, throws } from "node:assert/strict";
import { encode } from "cborg";
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import { printable } from "../../../sdk/support/printable.ts";
import { decodeSessionResponse } from "../../../sdk/wire/codec.ts";
import { Mismatch } from "../../../sdk/wire/schema.ts";
import { decodeSealed } from "../../../sdk/wire/sealed_messages.ts";

/** Begins a terminal's command twice, ends a line twice, and turns what follows around. */
const evil = "\u001b[2J\u009b31m\n\u2028\u202e";
const obeyed = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

Deno.test("replaces each run of control characters by a space and keeps others", () => {
  equal(printable(`a${evil}b`), "a [2J 31m b");
  for (let code = 0; code < 0x10000; code++) {
    const character = String.fromCharCode(code);
    equal(
      printable(character),
      obeyed.test(character) ? " " : character,
      code.toString(16),
    );
  }
});

Deno.test("errors make what they quote printable, in their message and their stack", () => {
  for (
    const error of [
      new CipherlayerError("malformed", `Cannot decode: got ${evil}`),
      new Mismatch(`expected a field, got ${evil}`),
    ]
  ) {
    match(error.message, /got  ?\[2J 31m/);
    ok(!obeyed.test(error.message));
    ok(!error.stack!.includes("\u001b") && !error.stack!.includes("\u202e"));
  }
});

/** CBOR that names a field twice. */
function repeated(name: string): Uint8Array {
  const [key, one] = [encode(name), encode(1)];
  return Uint8Array.of(0xa2, ...key, ...one, ...key, ...one);
}

Deno.test("errors about a cloud's bodies, causes included, hold no control character", () => {
  const bodies = [repeated(evil), encode({ [evil]: 1 })];
  for (const body of bodies) {
    const decoders = [
      () => decodeSealed("linearResponse", body),
      () => decodeSessionResponse(body),
    ];
    for (const decode of decoders) {
      throws(decode, (error) => {
        ok(error instanceof CipherlayerError);
        equal(error.code, "malformed");
        for (let each: unknown = error; each instanceof Error;) {
          ok(!obeyed.test(each.message), each.message);
          each = each.cause;
        }
        return true;
      });
    }
  }
});
