import { Pool, type QueryResultRow } from 'pg';

import { LedgerError } from '../../ports/ledger-store.ts';
import { asLedgerError } from './postgres-error.ts';
import type { PostgresAddress } from './postgres-url.ts';

export interface Statement {
  /** Prepared once for each connection under this name. */
  readonly name: string;
  readonly text: string;
}

export type Row = Readonly<Record<string, unknown>>;

/** What the ledger's statements go through: a pool of connections, or one with a transaction. All errors are LedgerErrors. */
export interface LedgerConnection extends AsyncDisposable {
  readonly address: PostgresAddress;
  query(doing: string, statement: Statement, values: readonly unknown[]): Promise<readonly Row[]>;
}

/** Connections at once: one writes, others read meanwhile. */
const connectionsMax = 4;
/** How much longer than the server we wait for an answer, before the connection is given up. */
const answerGraceMs = 5_000;
const keepAliveDelayMs = 10_000;

/** Connections to one PostgreSQL, made when they are needed and again when they were lost. */
export class PostgresConnection implements LedgerConnection {
  readonly address: PostgresAddress;
  readonly #pool: Pool;
  #isClosed = false;

  constructor(address: PostgresAddress) {
    this.address = address;
    this.#pool = new Pool({
      host: address.host,
      port: address.port,
      database: address.database,
      ...(address.user === null ? {} : { user: address.user }),
      ...(address.password === null ? {} : { password: address.password }),
      ssl: address.tls ?? false,
      application_name: 'tidegate',
      // Whatever role or database have set: an acknowledged entry has reached the disk, and a synchronous standby's.
      options: '-c synchronous_commit=on',
      max: connectionsMax,
      connectionTimeoutMillis: address.connectTimeoutMs,
      statement_timeout: address.statementTimeoutMs,
      query_timeout: address.statementTimeoutMs + answerGraceMs,
      // A peer that is gone without a word is noticed.
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveDelayMs,
      allowExitOnIdle: true,
    });
    // An idle connection that breaks is replaced at the next use, which tells what there is to tell.
    this.#pool.on('error', () => undefined);
  }

  /** One statement, which is one transaction. */
  async query(
    doing: string,
    statement: Statement,
    values: readonly unknown[],
  ): Promise<readonly Row[]> {
    this.#requireOpen(doing);
    try {
      const answer = await this.#pool.query<QueryResultRow>({ ...statement, values: [...values] });
      return answer.rows;
    } catch (error) {
      throw asLedgerError(error, doing, this.address.shown);
    }
  }

  /** Several statements in one transaction on one connection; rolled back when `run` throws. */
  async transaction(
    doing: string,
    run: (
      query: (text: string, values?: readonly unknown[]) => Promise<readonly Row[]>,
    ) => Promise<void>,
  ): Promise<void> {
    this.#requireOpen(doing);
    try {
      const client = await this.#pool.connect();
      // A connection that is lost says so here, too, and an event that nobody takes would end the process.
      client.on('error', () => undefined);
      try {
        await client.query('BEGIN');
        await run(async (text, values = []) => (await client.query(text, [...values])).rows);
        await client.query('COMMIT');
        // Not used again: its listener and its settings go with it.
        client.release(true);
      } catch (error) {
        // The connection is given up with its transaction.
        client.release(true);
        throw error;
      }
    } catch (error) {
      throw asLedgerError(error, doing, this.address.shown);
    }
  }

  /**
   * All that `run` asks for, in one transaction on one connection: it is there when this has resolved, and nothing of it when this
   * rejects. What `run` throws is thrown on as it is.
   */
  async inOneTransaction<Result>(
    doing: string,
    run: (connection: LedgerConnection) => Promise<Result>,
  ): Promise<Result> {
    this.#requireOpen(doing);
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw asLedgerError(error, doing, this.address.shown);
    });
    // A connection that is lost says so here, too, and an event that nobody takes would end the process.
    client.on('error', () => undefined);
    const ask = async (what: string, text: string, values: readonly unknown[] = []) => {
      try {
        return (await client.query<QueryResultRow>(text, [...values])).rows;
      } catch (error) {
        throw asLedgerError(error, what, this.address.shown);
      }
    };
    try {
      await ask(doing, 'BEGIN');
      const result = await run({
        address: this.address,
        query: (what, { text }, values) => ask(what, text, values),
        [Symbol.asyncDispose]: async () => {},
      });
      await ask(doing, 'COMMIT');
      return result;
    } finally {
      // Given up, and with it a transaction that was not committed.
      client.release(true);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#pool.end();
  }

  #requireOpen(doing: string): void {
    if (!this.#isClosed) return;
    throw new LedgerError('io', `cannot ${doing}: it is closed`, { retryable: false });
  }
}
