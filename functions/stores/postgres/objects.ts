/**
 * Objects in Postgres: the models that owners upload.
 *
 * @module
 */
import { encodeHex } from "@std/encoding/hex";
import { platformRandom } from "../../../sdk/support/random.ts";
import {
  checkObjectKey,
  type ObjectStore,
  type StoredObject,
} from "../object_store.ts";
import type { PostgresConnection } from "./connection.ts";

const tagBytes = 12;

/** In Postgres, a row each. */
export class PostgresObjectStore implements ObjectStore {
  readonly #connection: PostgresConnection;

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
  }

  async get(key: string): Promise<StoredObject | null> {
    checkObjectKey(key);
    const [row] = await this.#connection.ask((sql) =>
      sql<{ content: Uint8Array; tag: string }[]>`
        SELECT content, tag FROM cipherlayer_object WHERE key = ${key}`
    );
    return row ? { bytes: new Uint8Array(row.content), tag: row.tag } : null;
  }

  async put(
    key: string,
    bytes: Uint8Array,
    onlyIf?: string | null,
  ): Promise<boolean> {
    checkObjectKey(key);
    const tag = encodeHex(platformRandom(tagBytes));
    const written = await this.#connection.ask((sql) => {
      if (typeof onlyIf === "string") {
        return sql`UPDATE cipherlayer_object SET content = ${bytes}, tag = ${tag}
          WHERE key = ${key} AND tag = ${onlyIf} RETURNING key`;
      }
      const instead = onlyIf === null
        ? sql`NOTHING`
        : sql`UPDATE SET content = excluded.content, tag = excluded.tag`;
      return sql`INSERT INTO cipherlayer_object (key, content, tag)
        VALUES (${key}, ${bytes}, ${tag})
        ON CONFLICT (key) DO ${instead} RETURNING key`;
    });
    return written.length === 1;
  }

  async list(keyPrefix: string): Promise<Map<string, number>> {
    // 0 follows / in ASCII.
    const end = keyPrefix.replace(/\/$/, "0");
    const rows = await this.#connection.ask((sql) =>
      sql<{ key: string; size: number }[]>`
        SELECT key, octet_length(content) AS size FROM cipherlayer_object
        WHERE key >= ${keyPrefix} AND key < ${end}`
    );
    return new Map(rows.map(({ key, size }) => [key, size]));
  }

  async delete(key: string): Promise<void> {
    checkObjectKey(key);
    await this.#connection.ask((sql) =>
      sql`DELETE FROM cipherlayer_object WHERE key = ${key}`
    );
  }
}
