import { setTimeout as sleep } from 'node:timers/promises';

import type { ControllerName, LedgerLease } from '../../ports/ledger-lease.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type { LedgerConnection } from './postgres-connection.ts';
import { statements } from './postgres-statements.ts';

export interface LeaseOptions {
  readonly controller: ControllerName;
  /** How long it holds without being renewed; renewed three times as often, and by each append. */
  readonly leaseMs: number;
  /** How long to wait for another one's lease to run out. */
  readonly patienceMs: number;
  /** What people should know while the lease can't be renewed; null: it can again. */
  readonly onTrouble: (message: string | null) => void;
}

/** Between two looks at another one's lease. */
const lookMs = 250;

/**
 * The lease in the row of `head`.
 *
 * L1 the token is compared where the write happens, never here: this object only hears of it early;
 * L2 a time is taken before the question is sent, so that the lease never seems longer here than it is there;
 * L3 once lost, lost for good: a new token belongs to a new start, which reads the ledger anew.
 */
export class PostgresLease implements LedgerLease, AsyncDisposable {
  readonly token: number;
  readonly lost: Promise<LedgerError>;
  readonly #connection: LedgerConnection;
  readonly #options: LeaseOptions;
  readonly #tellLost: (error: LedgerError) => void;
  readonly #stop = new AbortController();
  #error: LedgerError | null = null;
  #heldUntilMs: number;
  #renewing: Promise<void> | null = null;

  /** Use `acquireLease`. */
  constructor(
    connection: LedgerConnection,
    options: LeaseOptions,
    taken: { readonly token: number; readonly askedAtMs: number },
  ) {
    const { promise, resolve } = Promise.withResolvers<LedgerError>();
    this.token = taken.token;
    this.lost = promise;
    this.#connection = connection;
    this.#options = options;
    this.#tellLost = resolve;
    this.#heldUntilMs = taken.askedAtMs + options.leaseMs;
  }

  get leaseMs(): number {
    return this.#options.leaseMs;
  }

  /** Renews it until it is disposed of or lost. */
  begin(): void {
    this.#renewing ??= this.#renewAlways(this.#stop.signal);
  }

  /** Throws when it is known to be lost. */
  requireNotLost(): void {
    if (this.#error !== null) throw this.#error;
  }

  /** A write that was asked for then has been taken with this token. */
  heardAt(askedAtMs: number): void {
    this.#heldUntilMs = Math.max(this.#heldUntilMs, askedAtMs + this.#options.leaseMs);
  }

  /** Another token is in force: the error for this write and all later ones. */
  lose(holder: string, token: number): LedgerError {
    this.#error ??= new LedgerError(
      'fenced',
      `this controller acts no more: ${holder} has taken the ledger in ` +
        `${this.#connection.address.shown} over (token ${token}, ours was ${this.token}); nothing more is written here`,
      { retryable: false },
    );
    this.#tellLost(this.#error);
    return this.#error;
  }

  async confirm(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.requireNotLost();
    if (performance.now() >= this.#heldUntilMs) await this.#renew();
  }

  /** Ends the renewing and gives the lease back, so that the next one need not wait. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the lease is given back'));
    await this.#renewing;
    if (this.#error !== null) return;
    try {
      await this.#connection.query('give the lease back', statements.release, [this.token]);
    } catch (error) {
      // It runs out by itself.
      if (!(error instanceof LedgerError)) throw error;
    }
  }

  async #renew(): Promise<void> {
    const askedAtMs = performance.now();
    const values = [this.token, this.leaseMs];
    const rows = await this.#connection.query('renew the lease', statements.renew, values);
    if (rows.length > 0) return this.heardAt(askedAtMs);
    const [now] = await this.#connection.query('see who has the lease', statements.state, []);
    throw this.lose(String(now?.['holder']), Number(now?.['token']));
  }

  /** Never rejects. */
  async #renewAlways(signal: AbortSignal): Promise<void> {
    let isTroubled = false;
    for (;;) {
      try {
        await sleep(this.leaseMs / 3, undefined, { signal });
        await this.#renew();
        if (isTroubled) this.#options.onTrouble(null);
        isTroubled = false;
      } catch (error) {
        if (signal.aborted || this.#error !== null) return;
        isTroubled = true;
        this.#options.onTrouble(error instanceof Error ? error.message : String(error));
      }
    }
  }
}

/**
 * Takes the lease, and waits for that of another controller to run out. Throws a LedgerError `locked` when that one lives and
 * renews it.
 */
export async function acquireLease(
  connection: LedgerConnection,
  options: LeaseOptions,
  signal: AbortSignal,
): Promise<PostgresLease> {
  const { controller, leaseMs, patienceMs } = options;
  const endMs = performance.now() + patienceMs;
  for (;;) {
    signal.throwIfAborted();
    const askedAtMs = performance.now();
    const values = [controller.id, controller.shown, leaseMs];
    const rows = await connection.query('take the lease', statements.acquire, values);
    const token = Number(rows[0]?.['token'] ?? 0);
    if (token > 0) return new PostgresLease(connection, options, { token, askedAtMs });
    const [other] = await connection.query('see who has the lease', statements.holder, []);
    if (other !== undefined && performance.now() >= endMs) {
      throw heldBy(String(other['holder']), connection.address.shown);
    }
    await sleep(Math.min(lookMs, leaseMs / 4), undefined, { signal });
  }
}

function heldBy(holder: string, where: string): LedgerError {
  return new LedgerError(
    'locked',
    `cannot use the ledger in ${where}: ${holder} acts on it and is alive; stop that server first, or give this one a ` +
      'database of its own',
    { retryable: false },
  );
}
