/**
 * Keys in a place of your own: four methods over any storage, here the SQLite
 * database that many gateways have. Keys are sealed by the passphrase before they
 * come to it.
 *
 *   CIPHERLAYER_PASSPHRASE=... deno run -A examples/04_own_key_store.ts URL FILE
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import {
  type BlobStore,
  connect,
  openKey,
  rotateKey,
  SealedKeyStore,
} from "@cipherlayer/sdk";

class SqliteBlobStore implements BlobStore {
  readonly #database: DatabaseSync;

  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    this.#database.exec(
      "CREATE TABLE IF NOT EXISTS blobs (name TEXT PRIMARY KEY, bytes BLOB)",
    );
  }

  read(name: string) {
    const row = this.#database
      .prepare("SELECT bytes FROM blobs WHERE name = ?").get(name);
    return Promise.resolve(
      row ? new Uint8Array(row.bytes as Uint8Array) : null,
    );
  }

  write(name: string, bytes: Uint8Array) {
    // One statement is one transaction: the old value or the new one.
    this.#database.prepare("INSERT OR REPLACE INTO blobs VALUES (?, ?)")
      .run(name, bytes);
    return Promise.resolve();
  }

  remove(name: string) {
    this.#database.prepare("DELETE FROM blobs WHERE name = ?").run(name);
    return Promise.resolve();
  }

  list() {
    const rows = this.#database.prepare("SELECT name FROM blobs").all();
    return Promise.resolve(rows.map((row) => row.name as string));
  }
}

const [url = "http://127.0.0.1:8000", path = "gateway.sqlite"] = Deno.args;
const passphrase = Deno.env.get("CIPHERLAYER_PASSPHRASE") ?? "";
const store = new SealedKeyStore(new SqliteBlobStore(path), passphrase);

const keys = await openKey(store); // makes a key on the first run
await using session = await connect({ url, model: "occupancy", keys });
const { label } = await session.infer({
  temperature: 22,
  humidity: 29,
  light: 460,
  co2: 950,
});
console.log(`The room is ${label}.`);

const next = await rotateKey(store); // for sessions from now on; the old key is kept
console.log(`retired ${keys.publicKey.fingerprint}`);
console.log(`current ${next.publicKey.fingerprint}`);
