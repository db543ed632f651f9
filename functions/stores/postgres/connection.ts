/**
 * Connections to a Postgres server, which are made anew whenever they break. Runtime:
 * Deno and Node.
 *
 * @module
 */
import postgres from "postgres";
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import { codeOf, databaseFault, inTime, Outages } from "../database_fault.ts";

const connectTimeoutSeconds = 2;
/** Of a thread. */
const connections = 4;
/** Writes between two sweeps of what has served, which remove up to ten times as many rows. */
const writesPerSweep = 100;

/** Tables, each where it is missing: a role that may not make any finds them made. */
const tables: Record<string, string> = {
  cipherlayer_spent: `
    token text PRIMARY KEY,
    request text NOT NULL,
    until timestamptz NOT NULL`,
  cipherlayer_budget: `
    span text PRIMARY KEY,
    used bigint NOT NULL,
    max_used double precision NOT NULL,
    until timestamptz NOT NULL`,
  cipherlayer_object: `
    key text COLLATE "C" PRIMARY KEY,
    content bytea NOT NULL,
    tag text NOT NULL`,
  cipherlayer_instance: `
    id text PRIMARY KEY,
    ahead_ms double precision NOT NULL,
    at timestamptz NOT NULL`,
};
/** Any number that nobody else locks: one instance makes tables at a time. */
const tablesLock = 0x63697068;

type Sql = ReturnType<typeof sqlOf>;

export interface PostgresOptions {
  /** `postgres://user:password@host[:port]/database` */
  url: string;
  /** Told what an operator should know. */
  notice: (message: string) => void;
}

/** Asks a server; while it is away, each question is refused at once or in seconds. */
export class PostgresConnection {
  readonly #url: string;
  readonly #outages: Outages;
  readonly #writes = new Map<string, number>();
  #sql: Sql;
  #prepared: Promise<void> | undefined;

  /** @throws {Error} for a URL that makes no sense */
  constructor({ url, notice }: PostgresOptions) {
    this.#url = url;
    this.#outages = new Outages(notice);
    this.#sql = sqlOf(url);
  }

  /**
   * What the server answers.
   *
   * @throws {CipherlayerError} `server-fault`, retryable; it may be done all the same
   */
  async ask<T>(ask: (sql: Sql) => Promise<T>): Promise<T> {
    const sql = this.#sql;
    try {
      const answer = await inTime(
        this.#prepare(sql).then(() => ask(sql)),
        () => this.#renew(sql),
      );
      this.#outages.back();
      return answer;
    } catch (error) {
      const isOurs = error instanceof CipherlayerError;
      const why = isOurs ? error.message : codeOf(error);
      this.#outages.away(why);
      // It was the primary: its name may stand for another server by now.
      if (why === readOnly) this.#renew(sql);
      throw isOurs
        ? error
        : databaseFault("it cannot be reached, or takes nothing");
    }
  }

  /** To be awaited before each write: some of them remove what has served. */
  async sweepBeforeWrite(
    table: "cipherlayer_spent" | "cipherlayer_budget",
  ): Promise<void> {
    const writes = (this.#writes.get(table) ?? 0) + 1;
    this.#writes.set(table, writes % writesPerSweep);
    if (writes < writesPerSweep) return;
    await this.ask((sql) =>
      sql`DELETE FROM ${sql(table)} WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM ${sql(table)} WHERE until < now()
        LIMIT ${10 * writesPerSweep} FOR UPDATE SKIP LOCKED))`
    );
  }

  async close(): Promise<void> {
    await this.#sql.end({ timeout: 0 });
  }

  /** Once for these connections; again where it failed. */
  #prepare(sql: Sql): Promise<void> {
    if (this.#prepared) return this.#prepared;
    const prepared = this.#prepared = prepare(sql);
    prepared.catch(() => {
      if (this.#prepared === prepared) this.#prepared = undefined;
    });
    return prepared;
  }

  #renew(broken: Sql): void {
    if (this.#sql !== broken) return;
    this.#sql = sqlOf(this.#url);
    this.#prepared = undefined;
    broken.end({ timeout: 0 }).catch(() => {});
  }
}

/** As Postgres numbers a write to a server that only reads. */
const readOnly = "25006";

function sqlOf(url: string) {
  return postgres(url, {
    max: connections,
    connect_timeout: connectTimeoutSeconds,
    // Poolers hand a connection to another after each transaction.
    prepare: false,
    fetch_types: false,
    onnotice: () => {},
    connection: { application_name: "cipherlayer" },
  });
}

/** @throws {CipherlayerError} where what is committed can be lost; as the driver does */
async function prepare(sql: Sql): Promise<void> {
  for (const name of ["fsync", "synchronous_commit"]) {
    const [setting] = await sql`SELECT current_setting(${name}) AS value`;
    if (setting.value !== "off") continue;
    throw databaseFault(`it may forget what it took: ${name} is off`);
  }
  const missing: string[] = [];
  for (const name of Object.keys(tables)) {
    const [found] = await sql`SELECT to_regclass(${name}) AS table`;
    if (found.table === null) missing.push(name);
  }
  if (missing.length === 0) return;
  await sql.begin(async (sql) => {
    await sql`SELECT pg_advisory_xact_lock(${tablesLock})`;
    for (const name of missing) {
      await sql.unsafe(`CREATE TABLE IF NOT EXISTS ${name} (${tables[name]})`);
    }
  });
}
