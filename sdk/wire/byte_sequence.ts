/**
 * Long replies: a CBOR sequence (RFC 8742) of byte strings. The last one is the digest
 * of those before, so that whoever reads a reply as it comes can tell in the end
 * whether it broke on the way.
 *
 * @module
 */
import { encode } from "cborg";
import { concat, equal } from "../support/bytes.ts";

/** Media type of such a reply. */
export const sequenceType = "application/cbor-seq";
/** Longest byte string of a sequence. */
export const maxItemBytes = 2 ** 19;
const digestBytes = 32;
/** First byte of a byte string, with its length in 0, 1, 2 or 4 more bytes. */
const majorType = 0x40;
/** Of a byte string of at most `maxItemBytes`. */
const headerBytes = 5;

/** Bytes of a sequence of `items` byte strings of together `bytes`, and their digest, at most. */
export const sequenceBytes = (items: number, bytes: number): number =>
  bytes + headerBytes * (items + 1) + digestBytes;

/** SHA-256 of the SHA-256 of each item: whole items are hashed beside the work on others. */
class ItemDigest {
  readonly #digests: Promise<ArrayBuffer>[] = [];

  add(item: Uint8Array): void {
    this.#digests.push(sha256(item));
  }

  async finish(): Promise<Uint8Array> {
    const digests = await Promise.all(this.#digests);
    const all = concat(...digests.map((digest) => new Uint8Array(digest)));
    return new Uint8Array(await sha256(all));
  }
}

const sha256 = (bytes: Uint8Array): Promise<ArrayBuffer> =>
  crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);

/** The sequence of `items`, each made when it is asked for; longer ones are cut. */
export async function* writeSequence(
  items: Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const digest = new ItemDigest();
  for (const item of items) {
    for (let from = 0; from < item.length; from += maxItemBytes) {
      const part = item.subarray(from, from + maxItemBytes);
      digest.add(part);
      yield encode(part);
    }
  }
  yield encode(await digest.finish());
}

/** Reads a sequence as its bytes come. */
export class SequenceReader {
  readonly #take: (item: Uint8Array) => void;
  readonly #digest = new ItemDigest();
  #parts: Uint8Array[] = [];
  #length = 0;
  /** An item as long as a digest: the last one is one. */
  #held: Uint8Array | null = null;

  /** @param take given each item once it has come whole, but for the digest */
  constructor(take: (item: Uint8Array) => void) {
    this.#take = take;
  }

  /** Takes the next bytes, in pieces of any size. @throws {Error} if they are no such sequence */
  push(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    for (;;) {
      const size = this.#itemSize();
      if (size === null || this.#length < size.header + size.item) return;
      const all = concat(...this.#parts), end = size.header + size.item;
      this.#parts = all.length > end ? [all.subarray(end)] : [];
      this.#length = all.length - end;
      this.#accept(all.subarray(size.header, end));
    }
  }

  /** @throws {Error} if the sequence has not ended, or is not what was sent */
  async finish(): Promise<void> {
    const digest = await this.#digest.finish();
    if (this.#length > 0 || !this.#held || !equal(this.#held, digest)) {
      throw new Error("the answer broke on the way");
    }
  }

  #accept(item: Uint8Array): void {
    if (this.#held) {
      this.#digest.add(this.#held);
      this.#take(this.#held);
    }
    this.#held = item.length === digestBytes ? item : null;
    if (this.#held) return;
    this.#digest.add(item);
    this.#take(item);
  }

  /** Of the item that comes next; null: not known yet. */
  #itemSize(): { header: number; item: number } | null {
    if (this.#length === 0) return null;
    const first = this.#parts[0][0], extra = lengthBytes.get(first - majorType);
    if (first >= majorType && first < majorType + 24) {
      return { header: 1, item: first - majorType };
    }
    if (extra === undefined) throw new Error("the answer broke on the way");
    const header = 1 + extra;
    if (this.#length < header) return null;
    const bytes = this.#first(header).subarray(1);
    const item = bytes.reduce((sum, byte) => 256 * sum + byte, 0);
    if (item > maxItemBytes) throw new Error("the answer broke on the way");
    return { header, item };
  }

  #first(count: number): Uint8Array {
    if (this.#parts[0].length >= count) {
      return this.#parts[0].subarray(0, count);
    }
    this.#parts = [concat(...this.#parts)];
    return this.#parts[0].subarray(0, count);
  }
}

/** Bytes of a byte string's length, by what its first byte says beyond the major type. */
const lengthBytes = new Map([[24, 1], [25, 2], [26, 4]]);
