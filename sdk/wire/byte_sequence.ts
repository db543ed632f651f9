/**
 * Long replies: a CBOR sequence (RFC 8742) of byte strings. The last one is the digest
 * of those before, so that a reader of a streamed reply can tell in the end
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

/** Reads a sequence as its bytes come, each byte copied once. */
export class SequenceReader {
  readonly #take: (item: Uint8Array) => void | Promise<void>;
  readonly #digest = new ItemDigest();
  /** Items that may still begin, the digest included. */
  #left: number;
  /** Bytes of the next item's header so far. */
  #header: number[] = [];
  /** The item that is coming, and how much of it has come. */
  #item: Uint8Array | null = null;
  #filled = 0;
  /** An item as long as a digest: the last one is one. */
  #held: Uint8Array | null = null;

  /**
   * @param take given each item once it has come whole, but for the digest
   * @param maxItems the digest not counted: each costs a hash, however short it is
   */
  constructor(
    take: (item: Uint8Array) => void | Promise<void>,
    maxItems: number,
  ) {
    this.#take = take;
    this.#left = maxItems + 1;
  }

  /**
   * Takes the next bytes, in pieces of any size, once the call before has ended.
   *
   * @throws {Error} if they are no such sequence: of an empty item, of too long a one,
   * or of too many
   */
  async push(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (!this.#item) {
        this.#begin(bytes[at++]);
        continue;
      }
      const item = this.#item;
      const part = bytes.subarray(at, at + item.length - this.#filled);
      item.set(part, this.#filled);
      at += part.length;
      this.#filled += part.length;
      if (this.#filled < item.length) continue;
      this.#item = null;
      await this.#accept(item);
    }
  }

  /** @throws {Error} if the sequence has not ended, or is not what was sent */
  async finish(): Promise<void> {
    const digest = await this.#digest.finish();
    const isWhole = !this.#item && this.#header.length === 0;
    if (!isWhole || !this.#held || !equal(this.#held, digest)) throw broken();
  }

  /** Takes the next byte of a header. */
  #begin(byte: number): void {
    const header = this.#header;
    if (header.length === 0 && this.#left-- <= 0) throw broken();
    header.push(byte);
    const short = header[0] - majorType, extra = lengthBytes.get(short);
    const isShort = short >= 0 && short < 24;
    if (!isShort && extra === undefined) throw broken();
    if (header.length <= (extra ?? 0)) return;
    const length = isShort
      ? short
      : header.slice(1).reduce((sum, byte) => 256 * sum + byte, 0);
    if (length === 0 || length > maxItemBytes) throw broken();
    this.#header = [];
    this.#item = new Uint8Array(length);
    this.#filled = 0;
  }

  async #accept(item: Uint8Array): Promise<void> {
    const before = this.#held;
    this.#held = item.length === digestBytes ? item : null;
    for (const whole of [before, this.#held ? null : item]) {
      if (!whole) continue;
      this.#digest.add(whole);
      await this.#take(whole);
    }
  }
}

const broken = () => new Error("the answer broke on the way");

/** Bytes of a byte string's length, by what its first byte says beyond the major type. */
const lengthBytes = new Map([[24, 1], [25, 2], [26, 4]]);
