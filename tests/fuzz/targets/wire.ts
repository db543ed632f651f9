/** The four bodies of the data plane. */
import { encodeHex } from "@std/encoding/hex";
import { encode } from "cborg";
import fc from "fast-check";
import { equal } from "../../../sdk/support/bytes.ts";
import {
  decodeRoundRequest,
  decodeRoundResponse,
  decodeSessionRequest,
  decodeSessionResponse,
  encodeRoundRequest,
  encodeRoundResponse,
  encodeSessionRequest,
  encodeSessionResponse,
} from "../../../sdk/wire/codec.ts";
import { damagedBytes } from "../bytes.ts";
import { readCorpus } from "../corpus.ts";
import { coded, type FuzzTarget, taken } from "../target.ts";
import { damagedTrees } from "../trees.ts";

export const sessionRequest = codec(
  "session-request",
  decodeSessionRequest,
  encodeSessionRequest,
);
export const sessionResponse = codec(
  "session-response",
  decodeSessionResponse,
  encodeSessionResponse,
);
export const roundRequest = codec(
  "round-request",
  decodeRoundRequest,
  encodeRoundRequest,
);
export const roundResponse = codec(
  "round-response",
  decodeRoundResponse,
  encodeRoundResponse,
);

function codec<T>(
  corpus: string,
  decode: (body: Uint8Array) => T,
  write: (message: T) => Uint8Array,
) {
  return (): FuzzTarget<Uint8Array> => {
    const samples = readCorpus(corpus);
    return {
      inputs: fc.oneof(
        damagedBytes(samples),
        damagedTrees(samples.map(decode)).map((tree) => encode(tree)),
      ),
      check(body) {
        const message = taken(coded("malformed"), () => decode(body));
        if (message === null) return;
        const written = write(message);
        const again = write(decode(written));
        if (!equal(again, written)) {
          throw new Error(`${encodeHex(written)} became ${encodeHex(again)}`);
        }
      },
      quickCases: 1000,
    };
  };
}
