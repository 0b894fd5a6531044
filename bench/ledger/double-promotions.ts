import { setTimeout as sleep } from 'node:timers/promises';

import { PostgresConnection } from '../../src/adapters/postgres/postgres-connection.ts';
import { PostgresLedgerStore } from '../../src/adapters/postgres/postgres-ledger-store.ts';
import { acquireLease, PostgresLease } from '../../src/adapters/postgres/postgres-lease.ts';
import { bringToVersion } from '../../src/adapters/postgres/postgres-schema.ts';
import { statements } from '../../src/adapters/postgres/postgres-statements.ts';
import { parsePostgresUrl } from '../../src/adapters/postgres/postgres-url.ts';
import { leafHashHex } from '../../src/domain/evidence/digest.ts';
import { LedgerError } from '../../src/ports/ledger-store.ts';
import type { Postgres } from '../../test/services/postgres.fixture.ts';
import { Random } from '../../test/simulation/random.ts';
import { Relay } from './relay.ts';

/**
 * Controllers that all want to promote the same thing, once a round, over real connections, and are paused or partitioned for up to
 * three leases at each point of their way: take the lease, read the ledger, decide, record, act.
 *
 * Unfenced they do what is often done: they ask for the lease, and write while they believe to have it, again when somebody else
 * has written meanwhile. Fenced they leave that to the store.
 */
export interface PromotionTrial {
  readonly rounds: number;
  readonly isFenced: boolean;
  /** Databases of their own, side by side. */
  readonly lanes: number;
  readonly seed: number;
  /** Ends with the round of the first double promotion. */
  readonly untilDouble?: boolean;
}

export interface PromotionResult {
  rounds: number;
  /** Rounds in which two controllers recorded a promotion, or two acted. */
  doubles: number;
  promoted: number;
  /** Writes refused because of the token. */
  fenced: number;
  /** Writes refused because the ledger had gone on. */
  conflicts: number;
  /** Disturbances that were dealt. */
  pauses: number;
  partitions: number;
}

const controllersCount = 4;
const leaseMs = 20;
const stream = 'service/shop';

type Trouble = 'none' | 'before-reading' | 'before-writing' | 'before-acting' | 'held' | 'cut';

export async function tryPromotions(
  postgres: Postgres,
  trial: PromotionTrial,
  signal: AbortSignal,
): Promise<PromotionResult> {
  const result = {
    rounds: 0,
    doubles: 0,
    promoted: 0,
    fenced: 0,
    conflicts: 0,
    pauses: 0,
    partitions: 0,
  };
  const lanes = Array.from({ length: trial.lanes }, async (_, lane) => {
    await using ring = await Ring.open(postgres, { trial, result, lane });
    while (result.rounds < trial.rounds && !(trial.untilDouble === true && result.doubles > 0)) {
      signal.throwIfAborted();
      result.rounds += 1;
      await ring.round(signal);
    }
  });
  await Promise.all(lanes);
  return result;
}

interface RingParts {
  readonly trial: PromotionTrial;
  readonly result: PromotionResult;
  readonly lane: number;
}

/** The controllers of one ledger. */
class Ring implements AsyncDisposable {
  readonly #controllers: readonly Controller[];
  readonly #result: PromotionResult;
  #round = 0;
  #from = 0;

  static async open(postgres: Postgres, parts: RingParts): Promise<Ring> {
    const url = await postgres.newDatabase();
    const setup = new PostgresConnection(parsePostgresUrl(url));
    await bringToVersion(setup);
    await setup[Symbol.asyncDispose]();
    const controllers: Controller[] = [];
    for (let id = 0; id < controllersCount; id += 1) {
      const relay = await Relay.open(postgres.socketPath);
      const database = url.slice(url.lastIndexOf('/') + 1);
      const address = parsePostgresUrl(
        `postgres://tidegate@127.0.0.1:${relay.port}/${database}?sslmode=disable`,
      );
      const random = new Random(parts.trial.seed * 1_000 + parts.lane * 10 + id);
      const { result, trial } = parts;
      controllers.push(
        new Controller({ id: `c${id}`, relay, random, result, isFenced: trial.isFenced }, address),
      );
    }
    return new Ring(controllers, parts.result);
  }

  private constructor(controllers: readonly Controller[], result: PromotionResult) {
    this.#controllers = controllers;
    this.#result = result;
  }

  async round(signal: AbortSignal): Promise<void> {
    this.#round += 1;
    const place = { round: this.#round, from: this.#from, acted: new Set<string>() };
    await Promise.all(this.#controllers.map((each) => each.run(place, signal)));
    const [reader] = this.#controllers;
    if (reader === undefined) return;
    const entries = await reader.entriesAfterTrouble(this.#from, signal);
    this.#from += entries.length;
    const recorded = entries.filter((text) => text.startsWith(`${this.#round} `));
    if (recorded.length > 0) this.#result.promoted += 1;
    if (recorded.length > 1 || place.acted.size > 1) this.#result.doubles += 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#controllers) await each[Symbol.asyncDispose]();
  }
}

interface Place {
  readonly round: number;
  /** Index of the round's first entry. */
  readonly from: number;
  /** Who has moved traffic. */
  readonly acted: Set<string>;
}

interface ControllerParts {
  readonly id: string;
  readonly relay: Relay;
  readonly random: Random;
  readonly result: PromotionResult;
  readonly isFenced: boolean;
}

class Controller implements AsyncDisposable {
  readonly #parts: ControllerParts;
  readonly #connection: PostgresConnection;
  readonly #reader: PostgresLedgerStore;

  constructor(parts: ControllerParts, address: ReturnType<typeof parsePostgresUrl>) {
    this.#parts = parts;
    this.#connection = new PostgresConnection(address);
    this.#reader = this.#storeWith(0);
  }

  /** Never rejects for what the trouble brings about. */
  async run(place: Place, signal: AbortSignal): Promise<void> {
    const { random, relay } = this.#parts;
    const troubles = [
      'none',
      'before-reading',
      'before-writing',
      'before-acting',
      'held',
      'cut',
    ] as const;
    const trouble = random.pick<Trouble>(troubles);
    let lease: PostgresLease | null = null;
    try {
      lease = await acquireLease(this.#connection, this.#leaseOptions(), signal);
      await this.#promote(place, { lease, trouble }, signal);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      if (error.code === 'fenced') this.#parts.result.fenced += 1;
    } finally {
      relay.release();
      await lease?.[Symbol.asyncDispose]();
    }
  }

  async entries(from: number, signal: AbortSignal): Promise<readonly string[]> {
    const texts: string[] = [];
    for await (const { leaf } of this.#reader.read({ fromIndex: from, stream }, signal)) {
      texts.push(Buffer.from(leaf).toString('utf8'));
    }
    return texts;
  }

  /** As `entries`, and again when a connection turns out to have been cut. */
  async entriesAfterTrouble(from: number, signal: AbortSignal): Promise<readonly string[]> {
    for (;;) {
      signal.throwIfAborted();
      const entries = await this.#tried(() => this.entries(from, signal));
      if (entries !== null) return entries;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]();
    await this.#parts.relay[Symbol.asyncDispose]();
  }

  async #promote(
    place: Place,
    { lease, trouble }: { readonly lease: PostgresLease; readonly trouble: Trouble },
    signal: AbortSignal,
  ): Promise<void> {
    const { id } = this.#parts;
    if (trouble === 'before-reading') await this.#pause();
    const store = new PostgresLedgerStore(this.#connection, lease);
    for (let tries = 0; tries < 20; tries += 1) {
      const known = await this.#tried(() => this.entries(place.from, signal));
      if (known === null) continue;
      const mine = `${place.round} ${id} ${lease.token}`;
      const others = known.find((text) => text.startsWith(`${place.round} `) && text !== mine);
      if (others !== undefined) return;
      const isThere = known.includes(mine);
      if (!isThere && trouble === 'before-writing' && tries === 0) await this.#pause();
      const size = place.from + known.length;
      if (isThere || (await this.#written(store, { size, text: mine, trouble, tries }, signal))) {
        if (trouble === 'before-acting') await this.#pause();
        place.acted.add(id);
        return;
      }
    }
  }

  async #written(
    store: PostgresLedgerStore,
    entry: {
      readonly size: number;
      readonly text: string;
      readonly trouble: Trouble;
      readonly tries: number;
    },
    signal: AbortSignal,
  ): Promise<boolean> {
    const { relay, isFenced } = this.#parts;
    const { size, text, trouble, tries } = entry;
    const writing = isFenced
      ? this.#append(store, { size, text }, signal)
      : this.#appendUnfenced({ size, text }, signal);
    // Looked at below; until then it may fail by what is done to its connection.
    writing.catch(() => undefined);
    if ((trouble === 'held' || trouble === 'cut') && tries === 0) {
      this.#parts.result.partitions += 1;
      // Somewhere between its first question and its last answer.
      await sleep(this.#parts.random.next() * 4);
      if (trouble === 'cut') relay.cut();
      else {
        relay.hold();
        await sleep(this.#pauseMs());
        relay.release();
      }
    }
    return (await this.#tried(() => writing)) ?? false;
  }

  async #append(
    store: PostgresLedgerStore,
    { size, text }: { readonly size: number; readonly text: string },
    signal: AbortSignal,
  ): Promise<boolean> {
    const leaf = Buffer.from(text);
    const entries = [{ stream, leaf, leafHash: leafHashHex(leaf) }];
    const outcome = await store.append({ expectedSize: size, entries, blobs: [] }, signal);
    if (outcome === 'conflict') this.#parts.result.conflicts += 1;
    return outcome === 'appended';
  }

  /** With whatever token is in force, and at whatever size: as if neither were compared. */
  async #appendUnfenced(
    entry: { readonly size: number; readonly text: string },
    signal: AbortSignal,
  ): Promise<boolean> {
    for (let tries = 0; tries < 20; tries += 1) {
      const [now] = await this.#connection.query('see the head', statements.state, []);
      const store = this.#storeWith(Number(now?.['token']));
      const size = Number(now?.['size']);
      if (await this.#append(store, { ...entry, size }, signal).catch(rethrowUnlessFenced)) {
        return true;
      }
    }
    return false;
  }

  /** Null: the connection was lost meanwhile, and it is unknown what has been done. */
  async #tried<Result>(run: () => Promise<Result>): Promise<Result | null> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof LedgerError && error.retryable) return null;
      throw error;
    }
  }

  #storeWith(token: number): PostgresLedgerStore {
    const taken = { token, askedAtMs: performance.now() };
    const lease = new PostgresLease(this.#connection, this.#leaseOptions(), taken);
    return new PostgresLedgerStore(this.#connection, lease);
  }

  #leaseOptions() {
    const { id } = this.#parts;
    // No renewing in the background: a paused process doesn't do that either.
    return { controller: { id, shown: id }, leaseMs, patienceMs: 60_000, onTrouble: () => {} };
  }

  async #pause(): Promise<void> {
    this.#parts.result.pauses += 1;
    await sleep(this.#pauseMs());
  }

  #pauseMs(): number {
    return this.#parts.random.next() * 3 * leaseMs;
  }
}

function rethrowUnlessFenced(error: unknown): boolean {
  if (error instanceof LedgerError && error.code === 'fenced') return false;
  throw error;
}
