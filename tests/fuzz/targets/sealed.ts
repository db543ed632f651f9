/** The bodies of sealed calls. */
import { encodeHex } from "@std/encoding/hex";
import { encode } from "cborg";
import fc from "fast-check";
import { equal } from "../../../sdk/support/bytes.ts";
import {
  decodeSealed,
  encodeSealed,
} from "../../../sdk/wire/sealed_messages.ts";
import { damagedBytes } from "../bytes.ts";
import { coded, type FuzzTarget, taken } from "../target.ts";
import { damagedTrees } from "../trees.ts";

const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => 7 * i);
const batch = { token: bytes(40), from: 12, choices: bytes(9) };
const answer = { token: bytes(40), answer: bytes(50) };

/** A valid message of each kind. */
const samples = {
  setupRequest: { token: bytes(40), request: bytes(60) },
  batchRequest: batch,
  batchResponse: answer,
  linearRequest: { token: bytes(40), ciphertexts: bytes(64), batch },
  linearResponse: { token: bytes(40), ciphertexts: bytes(64), batch: answer },
  activationRequest: { ...batch, batch: bytes(41) },
  activationHead: { token: bytes(0), salt: bytes(16) },
};
type Kind = keyof typeof samples;
const kinds = Object.keys(samples) as Kind[];

export const sealed = (): FuzzTarget<[Kind, Uint8Array]> => ({
  inputs: fc.tuple(
    fc.constantFrom(...kinds),
    fc.oneof(
      damagedBytes(kinds.map((kind) => encodeSealed(samples[kind]))),
      damagedTrees(kinds.map((kind) => samples[kind])).map((tree) =>
        encode(tree)
      ),
    ),
  ),
  check([kind, body]) {
    const message = taken(coded("malformed"), () => decodeSealed(kind, body));
    if (message === null) return;
    const written = encodeSealed(message);
    const again = encodeSealed(decodeSealed(kind, written));
    if (!equal(again, written)) {
      throw new Error(`${encodeHex(written)} became ${encodeHex(again)}`);
    }
  },
  quickCases: 1000,
});
