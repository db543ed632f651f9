/**
 * Counts of budgets and rates in Postgres.
 *
 * @module
 */
import type { BudgetCharge, BudgetStore } from "../../admission/budget.ts";
import type { PostgresConnection } from "./connection.ts";

/** In Postgres: one count for all instances. */
export class PostgresBudgetStore implements BudgetStore {
  readonly #connection: PostgresConnection;

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
  }

  async charge(
    charges: readonly BudgetCharge[],
    amount: number,
  ): Promise<BudgetCharge | null> {
    const tooMuch = charges.find(({ limit }) => amount > limit);
    if (tooMuch) return tooMuch;
    await this.#connection.sweepBeforeWrite("cipherlayer_budget");
    const rows = charges.map(({ window, endsAt, keepMs, limit }) => ({
      span: window,
      ends_ms: endsAt,
      keep_ms: keepMs,
      max_used: limit,
    }));
    return await this.#connection.ask(async (sql) => {
      let over: BudgetCharge | null = null;
      await sql.begin("isolation level read committed", async (sql) => {
        // All take their rows in one order: nobody waits for who waits for them.
        const charged = await sql<{ span: string }[]>`
          INSERT INTO cipherlayer_budget AS budget (span, used, max_used, until)
          SELECT span, ${amount}::bigint, max_used,
            greatest(to_timestamp(ends_ms / 1000), now())
              + keep_ms * interval '1 millisecond'
          FROM jsonb_to_recordset(${sql.json(rows)}) AS wanted (
            span text, ends_ms double precision, keep_ms double precision,
            max_used double precision)
          ORDER BY span COLLATE "C"
          ON CONFLICT (span) DO UPDATE SET used = budget.used + excluded.used
            WHERE budget.used + excluded.used <= excluded.max_used
          RETURNING span`;
        const spans = new Set(charged.map(({ span }) => span));
        over = charges.find(({ window }) => !spans.has(window)) ?? null;
        if (over) throw new NotCharged();
      }).catch((error) => {
        if (!(error instanceof NotCharged)) throw error;
      });
      return over;
    });
  }
}

/** Has the transaction rolled back. */
class NotCharged extends Error {}
