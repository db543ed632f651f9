/**
 * Objects in Deno KV, in chunks that it takes.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeHex } from "@std/encoding/hex";
import { whenUnlocked } from "./kv_lock.ts";
import {
  checkObjectKey,
  type ObjectStore,
  type StoredObject,
} from "./object_store.ts";

/** Deno KV takes values of 64 KiB, their encoding included. */
const pieceBytes = 60 * 1024;
/** Together within the 800 KiB that one transaction may write. */
const piecesAtOnce = 10;

/** What is kept under the key itself: the content, or how many pieces make it. */
interface Head {
  bytes: number;
  /** Of small objects: all of it. */
  content?: Uint8Array<ArrayBuffer>;
  /** Of others: SHA-256 of the content, under which its pieces are kept. */
  digest?: string;
}

/**
 * Objects in Deno KV. Larger ones are cut into pieces, which are written before the
 * head that names them: until then the object is what it was before.
 */
export class KvObjectStore implements ObjectStore {
  constructor(readonly kv: Deno.Kv) {}

  async get(key: string): Promise<StoredObject | null> {
    for (let seen: string | null = null;;) {
      const { value: head, versionstamp } = await this.#head(key);
      // The same head without its pieces is a write that a removal cut in two.
      if (head === null || versionstamp === seen) return null;
      const bytes = head.content ?? await this.#join(key, head);
      if (bytes) return { bytes, tag: versionstamp };
      // Replaced or removed while it was read: look again.
      seen = versionstamp;
    }
  }

  async put(
    key: string,
    bytes: Uint8Array,
    onlyIf?: string | null,
  ): Promise<boolean> {
    const head: Head = { bytes: bytes.length };
    if (bytes.length <= pieceBytes) head.content = bytes.slice();
    else head.digest = encodeHex(sha256(bytes));
    for (;;) {
      const before = await this.#head(key);
      if (onlyIf !== undefined && before.versionstamp !== onlyIf) return false;
      if (head.digest) await this.#writePieces(key, head.digest, bytes);
      const { ok } = await whenUnlocked(() =>
        this.kv.atomic().check(before).set(headKey(key), head).commit()
      );
      if (ok) {
        const old = before.value?.digest;
        if (old && old !== head.digest) await this.#removePieces(key, old);
        return true;
      }
      // Another was faster: if that does not matter, write over it.
    }
  }

  async list(prefix: string): Promise<Map<string, number>> {
    const segments = prefix.split("/").slice(0, -1);
    return await whenUnlocked(async () => {
      const sizes = new Map<string, number>();
      const heads = this.kv.list<Head>({ prefix: [...headKey(), ...segments] });
      for await (const { key, value } of heads) {
        sizes.set(key.slice(headKey().length).join("/"), value.bytes);
      }
      return sizes;
    });
  }

  async delete(key: string): Promise<void> {
    await whenUnlocked(() => this.kv.delete(headKey(key)));
    await this.#removePieces(key);
  }

  #head(key: string): Promise<Deno.KvEntryMaybe<Head>> {
    return whenUnlocked(() => this.kv.get<Head>(headKey(key)));
  }

  /** The content from its pieces; null if one is missing. */
  async #join(
    key: string,
    { bytes, digest }: Head,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const content = new Uint8Array(bytes);
    let at = 0;
    await whenUnlocked(async () => {
      at = 0;
      const prefix = [...piecesKey(key), digest!];
      for await (const { value } of this.kv.list<Uint8Array>({ prefix })) {
        content.set(value, at);
        at += value.length;
      }
    });
    return at === bytes ? content : null;
  }

  async #writePieces(
    key: string,
    digest: string,
    bytes: Uint8Array,
  ): Promise<void> {
    const step = pieceBytes * piecesAtOnce;
    for (let from = 0; from < bytes.length; from += step) {
      await whenUnlocked(() => {
        const change = this.kv.atomic();
        const to = Math.min(from + step, bytes.length);
        for (let at = from; at < to; at += pieceBytes) {
          const piece = bytes.slice(at, Math.min(at + pieceBytes, to));
          change.set([...piecesKey(key), digest, at / pieceBytes], piece);
        }
        return change.commit();
      });
    }
  }

  /** Removes the pieces of one content, or all, of writes cut short too. */
  async #removePieces(key: string, digest?: string): Promise<void> {
    const prefix = [...piecesKey(key), ...digest ? [digest] : []];
    const keys: Deno.KvKey[] = [];
    await whenUnlocked(async () => {
      keys.length = 0;
      for await (const piece of this.kv.list({ prefix })) keys.push(piece.key);
    });
    for (let at = 0; at < keys.length; at += piecesAtOnce) {
      await whenUnlocked(() => {
        const change = this.kv.atomic();
        for (const piece of keys.slice(at, at + piecesAtOnce)) {
          change.delete(piece);
        }
        return change.commit();
      });
    }
  }
}

function headKey(key?: string): string[] {
  const root = ["cipherlayer", "object"];
  if (key === undefined) return root;
  checkObjectKey(key);
  return [...root, ...key.split("/")];
}

function piecesKey(key: string): string[] {
  return ["cipherlayer", "pieces", key];
}
