/**
 * Strict decoding of CBOR of the other side, of a bounded number of items.
 *
 * @module
 */
import { decode, type DecodeOptions, Tokenizer } from "cborg";
import { Mismatch } from "./schema.ts";

const strict: DecodeOptions = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
};

/**
 * Decodes one deterministic CBOR item. A byte can stand for an object of a hundred
 * in memory, hence the bound: it holds while objects are made, not after.
 *
 * @param maxItems numbers, texts, byte strings, lists and maps, with those inside of others
 * @throws {Mismatch} if there are more, or `body` is anything else than one deterministic
 * CBOR item
 */
export function decodeCbor(body: Uint8Array, maxItems: number): unknown {
  const tokenizer = new BoundedTokenizer(body, maxItems);
  try {
    return decode(body, { ...strict, tokenizer });
  } catch (fault) {
    if (fault instanceof Mismatch) throw fault;
    // The library's words quote the body.
    throw new Mismatch("expected one deterministic CBOR item, got other bytes");
  }
}

class BoundedTokenizer extends Tokenizer {
  #left: number;

  constructor(body: Uint8Array, readonly maxItems: number) {
    super(body, strict);
    this.#left = maxItems;
  }

  override next(): ReturnType<Tokenizer["next"]> {
    if (--this.#left < 0) {
      throw new Mismatch(`expected at most ${this.maxItems} items, got more`);
    }
    return super.next();
  }
}
