/** Keys: as JWK, sealed in a file or a record of a database, and what they sealed. */
import { deepStrictEqual } from "node:assert/strict";
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeHex } from "@std/encoding/hex";
import fc from "fast-check";
import { MemoryBlobStore } from "../../../sdk/blobs/blob_store.ts";
import { MemoryKeyStore } from "../../../sdk/keys/key_store.ts";
import { SealedKeyStore } from "../../../sdk/keys/key_store_sealed.ts";
import { QueueSealer } from "../../../sdk/queue/offline_queue_sealing.ts";
import {
  exportPrivateJwk,
  exportPublicJwk,
  importPrivateJwk,
  importPublicJwk,
} from "../../../sdk/paillier/private/jwk.ts";
import { platformRandom } from "../../../sdk/support/random.ts";
import { testKey } from "../../vectors/keys.ts";
import { damagedBytes } from "../bytes.ts";
import { readCorpus } from "../corpus.ts";
import { passphrase } from "../fixtures.ts";
import { coded, type FuzzTarget, taken, takenLater } from "../target.ts";
import { damagedTrees, type Tree } from "../trees.ts";

const parse = (bytes: Uint8Array) =>
  JSON.parse(new TextDecoder().decode(bytes));
const text = (tree: Tree) => new TextEncoder().encode(JSON.stringify(tree));

export function publicJwk(): FuzzTarget<Tree> {
  const samples = readCorpus("private-jwk").map((bytes) => parse(bytes).pub);
  return {
    inputs: damagedTrees(samples),
    check(jwk) {
      const key = taken(coded("malformed"), () => importPublicJwk(jwk));
      if (key === null) return;
      const again = importPublicJwk(exportPublicJwk(key));
      deepStrictEqual(again.fingerprint, key.fingerprint);
    },
    quickCases: 1000,
  };
}

export function privateJwk(): FuzzTarget<Tree> {
  const key = testKey(512);
  const jwk = exportPrivateJwk(key);
  const [p, q] = key.exportPrimes();
  // As python-paillier before 1.2 wrote it.
  const lambda = integerText((p - 1n) * (q - 1n) / 2n);
  const older = {
    kty: "DAJ",
    key_ops: ["decrypt"],
    lambda,
    mu: "AQ",
    pub: jwk.pub,
  };
  return {
    inputs: damagedTrees([jwk, older]),
    check(jwk) {
      const key = taken(coded("malformed"), () => importPrivateJwk(jwk));
      if (key === null) return;
      const again = importPrivateJwk(exportPrivateJwk(key));
      deepStrictEqual(again.publicKey.fingerprint, key.publicKey.fingerprint);
    },
    quickCases: 150,
  };
}

function integerText(value: bigint): string {
  const hex = value.toString(16);
  const bytes = hex.padStart(hex.length + hex.length % 2, "0")
    .match(/../g)!.map((digits) => parseInt(digits, 16));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** A store whose current or retired record is damaged, as a file, in IndexedDB or KV. */
export function sealedKey(): FuzzTarget<Uint8Array<ArrayBuffer>> {
  const samples = readCorpus("sealed-key");
  const { fingerprint } = testKey(512).publicKey;
  return {
    inputs: fc.oneof(
      { weight: 8, arbitrary: damagedBytes(samples) },
      damagedTrees(samples.map(parse)).map((tree) => text(tree)),
      damagedTrees(samples.map(parse)).map((tree) => text(whole(tree))),
    ),
    async check(bytes) {
      const blobs = new MemoryBlobStore();
      const store = new SealedKeyStore(blobs, passphrase);
      await blobs.write("key", bytes);
      const declared = coded("key-corrupt", "wrong-passphrase");
      const current = await takenLater(
        coded("key-corrupt"),
        () => store.fingerprint(),
      );
      const key = await takenLater(declared, () => store.load());
      if (key && key.publicKey.fingerprint !== current) {
        throw new Error("The key is not the one that the store names");
      }
      await blobs.write("key", samples[0]);
      await blobs.write(`key.${"0".repeat(64)}`, bytes);
      deepStrictEqual(await store.listRetired(), ["0".repeat(64)]);
      const retired = await takenLater(
        declared,
        () => store.load("0".repeat(64)),
      );
      if (retired && retired.publicKey.fingerprint !== fingerprint) {
        throw new Error("A key was forged");
      }
    },
    quickCases: 150,
  };
}

/** With the checksum that it should have, and at a cost that is soon paid. */
function whole(tree: Tree): Tree {
  if (typeof tree !== "object" || tree === null) return tree;
  if (Array.isArray(tree) || tree instanceof Uint8Array) return tree;
  const { checksum: _, ...body } = tree;
  const { kdf } = body;
  const costly = typeof kdf === "object" && kdf !== null && "N" in kdf &&
    typeof kdf.N === "number" &&
    kdf.N > 1 << 11;
  if (costly) return tree;
  const checksum = encodeHex(sha256(text(body)));
  return { ...body, checksum };
}

/** What an offline queue keeps: sealed readings and outcomes. */
export async function queued(): Promise<FuzzTarget<Uint8Array<ArrayBuffer>>> {
  const samples = readCorpus("queued");
  const keys = new MemoryKeyStore();
  await keys.save(testKey(512));
  const sealer = new QueueSealer(keys, platformRandom);
  return {
    inputs: damagedBytes(samples),
    async check(blob) {
      const declared = coded("queue-corrupt", "key-missing");
      const content = await takenLater(
        declared,
        () => sealer.open("1.queued", blob),
      );
      if (content && `${blob}` !== `${samples[0]}`) {
        throw new Error("A blob was forged");
      }
    },
    quickCases: 500,
  };
}
