/**
 * Spent tokens in Postgres.
 *
 * @module
 */
import { type NonceStore, rememberSharedMs } from "../spent_tokens.ts";
import type { PostgresConnection } from "./connection.ts";

/** In Postgres: shared by all instances, and swept `rememberSharedMs` after tokens expire. */
export class PostgresNonceStore implements NonceStore {
  readonly #connection: PostgresConnection;

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
  }

  async spend(
    token: string,
    request: string,
    expiresAt: number,
  ): Promise<string> {
    await this.#connection.sweepBeforeWrite("cipherlayer_spent");
    // What is held is written again: a standby is asked for what has been written.
    const [{ held }] = await this.#connection.ask((sql) =>
      sql`INSERT INTO cipherlayer_spent AS spent (token, request, until)
        VALUES (${token}, ${request},
          greatest(to_timestamp(${expiresAt}::double precision / 1000), now())
            + ${rememberSharedMs}::double precision * interval '1 millisecond')
        ON CONFLICT (token) DO UPDATE SET request = spent.request
        RETURNING request AS held`
    );
    return held;
  }
}
