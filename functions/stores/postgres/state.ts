/**
 * Shared state in Postgres. Runtime: Deno and Node.
 *
 * @module
 */
import {
  type BeatBoard,
  beatLifetimeMs,
  type SeenBeats,
  SharedHeartbeat,
} from "../shared_heartbeat.ts";
import type { SharedState } from "../shared_state.ts";
import { PostgresBudgetStore } from "./budget.ts";
import { PostgresConnection, type PostgresOptions } from "./connection.ts";
import { PostgresObjectStore } from "./objects.ts";
import { PostgresNonceStore } from "./spent_tokens.ts";

/** Where instances that share a server leave their times. */
export class PostgresBeats implements BeatBoard {
  readonly #connection: PostgresConnection;

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
  }

  async beat(id: string, nowMs: number): Promise<SeenBeats> {
    await this.#connection.ask((sql) =>
      sql`INSERT INTO cipherlayer_instance AS instance (id, ahead_ms, at)
        VALUES (${id}, ${nowMs}::double precision
          - extract(epoch FROM clock_timestamp()) * 1000, clock_timestamp())
        ON CONFLICT (id) DO UPDATE
          SET ahead_ms = excluded.ahead_ms, at = excluded.at`
    );
    const rows = await this.#connection.ask((sql) =>
      sql<{ id: string; ahead: number }[]>`
        WITH ended AS (DELETE FROM cipherlayer_instance
          WHERE abs(extract(epoch FROM now() - at)) * 1000 > ${beatLifetimeMs})
        SELECT id, ahead_ms AS ahead FROM cipherlayer_instance
        WHERE abs(extract(epoch FROM now() - at)) * 1000 <= ${beatLifetimeMs}`
    );
    const aheadMs = new Map(rows.map(({ id, ahead }) => [id, ahead]));
    return { aheadMs, reasons: [] };
  }
}

/**
 * Opens what a server keeps; it may be away, and is then waited for.
 *
 * @param beats this instance's time is to be left there
 * @throws {Error} for a URL that makes no sense
 */
// deno-lint-ignore require-await
export async function openPostgresState(
  options: PostgresOptions,
  { beats }: { beats: boolean },
): Promise<SharedState> {
  const connection = new PostgresConnection(options);
  const heartbeat = beats
    ? new SharedHeartbeat(new PostgresBeats(connection))
    : undefined;
  return {
    nonces: new PostgresNonceStore(connection),
    budgets: new PostgresBudgetStore(connection),
    objects: new PostgresObjectStore(connection),
    ready: heartbeat?.ready,
    close() {
      heartbeat?.stop();
      return connection.close();
    },
  };
}
