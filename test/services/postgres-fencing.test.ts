import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

import { tryPromotions } from '../../bench/ledger/double-promotions.ts';
import { stopWhileAppending } from '../../bench/ledger/immediate-stops.ts';
import { openPostgresLedger } from '../../src/adapters/postgres/postgres-ledger-store.ts';
import { parsePostgresUrl } from '../../src/adapters/postgres/postgres-url.ts';
import { leafHashHex } from '../../src/domain/evidence/digest.ts';
import { LedgerError } from '../../src/ports/ledger-store.ts';
import { Postgres, withoutPostgres } from './postgres.fixture.ts';

const boundMs = 600_000;

if (withoutPostgres !== false) {
  test('the lease in PostgreSQL', { skip: withoutPostgres }, () => {});
} else {
  const postgres = await Postgres.start();
  after(() => postgres[Symbol.asyncDispose]());

  const open = (url: string, id: string, times: { leaseMs?: number; patienceMs?: number } = {}) =>
    openPostgresLedger(
      { address: parsePostgresUrl(url), controller: { id, shown: `server ${id}` }, ...times },
      signal(),
    );
  /** As a pause of the whole process leaves it: the lease has run out there, and nobody has renewed it. */
  const runOut = (url: string) =>
    postgres.sql(databaseOf(url), `UPDATE tidegate.head SET leased_until = '-infinity'`);

  test('who was replaced has every write refused, learns it, and nothing of it is there', async () => {
    const url = await postgres.newDatabase();
    await using first = await open(url, 'first', unrenewed);
    await first.append(batchOf(0, 'a'), signal());
    await runOut(url);
    await using second = await open(url, 'second');
    assert.ok(second.lease.token > first.lease.token);
    const writes = [
      () => first.append(batchOf(1, 'late'), signal()),
      () => first.saveCheckpoint({ size: 1, note: 'late', isKept: true }, signal()),
      () => first.saveSnapshot('late', Buffer.from('late'), signal()),
      () => first.lease.confirm(signal()),
    ];
    for (const write of writes) await assert.rejects(write, isFenced);
    const lost = await first.lease.lost;
    assert.match(lost.message, /this controller acts no more: server second has taken the ledger/);
    assert.deepEqual(await second.checkpoints(0, signal()), []);
    assert.equal(await second.snapshot('late', signal()), null);
    assert.equal((await second.head(signal())).size, 1);
    assert.equal(await second.append(batchOf(1, 'b'), signal()), 'appended');
  });

  const each = [
    ['an append', (store) => store.append(batchOf(0, 'late'), signal())],
    ['a checkpoint', (store) => store.saveCheckpoint(checkpoint, signal())],
    ['a snapshot', (store) => store.saveSnapshot('late', Buffer.from('late'), signal())],
  ] as const satisfies readonly (readonly [
    string,
    (store: Awaited<ReturnType<typeof open>>) => Promise<unknown>,
  ])[];
  for (const [name, write] of each) {
    test(`${name} that is under way while another controller takes over is refused`, async () => {
      const url = await postgres.newDatabase();
      await using store = await open(url, 'first', unrenewed);
      await using other = await rawClient(url);
      // The take-over has changed the row and is not committed: the write waits for it, with the state of before in its eyes.
      await other.client.query('BEGIN');
      await other.client.query(`UPDATE tidegate.head SET token = token + 1, holder = 'the other'`);
      const writing = write(store);
      writing.catch(() => undefined);
      await untilWaiting(url);
      await other.client.query('COMMIT');
      await assert.rejects(writing, isFenced);
      assert.equal((await store.head(signal())).size, 0);
      assert.deepEqual(await store.checkpoints(0, signal()), []);
      assert.equal(await store.snapshot('late', signal()), null);
    });
  }

  test('a lease that ran out while nobody took it is still its holder’s', async () => {
    const url = await postgres.newDatabase();
    await using store = await open(url, 'first', unrenewed);
    await runOut(url);
    assert.equal(await store.append(batchOf(0, 'a'), signal()), 'appended');
    await store.lease.confirm(signal());
    // And with the append it is renewed: another one does not get it.
    await assert.rejects(open(url, 'second', { patienceMs: 0 }), isLocked);
  });

  test('the same controller takes over at once, another one is told who acts', async () => {
    const url = await postgres.newDatabase();
    await using before = await open(url, 'first', unrenewed);
    await assert.rejects(open(url, 'second', { patienceMs: 0 }), isLocked);
    await using again = await open(url, 'first', { patienceMs: 0 });
    assert.equal(again.lease.token, before.lease.token + 1);
    await assert.rejects(before.append(batchOf(0, 'late'), signal()), isFenced);
  });

  test('a lease is renewed while nothing is written, and is free at once when it is given back', async () => {
    const url = await postgres.newDatabase();
    {
      await using first = await open(url, 'first', { leaseMs: 600 });
      const until = async (): Promise<number> => {
        const sql = 'SELECT extract(epoch FROM leased_until) AS until FROM tidegate.head';
        return Number((await postgres.sql(databaseOf(url), sql))[0]?.['until']);
      };
      const before = await until();
      const endMs = performance.now() + 60_000;
      while ((await until()) <= before && performance.now() < endMs) await sleep(20);
      assert.ok((await until()) > before, 'it was not renewed');
      await first.lease.confirm(signal());
    }
    await using second = await open(url, 'second', { patienceMs: 0 });
    assert.equal(await second.append(batchOf(0, 'a'), signal()), 'appended');
  });

  test('no release is promoted twice by paused and partitioned controllers, which happens without the fence', async () => {
    const fenced = { rounds: 60, isFenced: true, lanes: 4, seed: 3 };
    const result = await tryPromotions(postgres, fenced, AbortSignal.timeout(boundMs));
    assert.equal(result.doubles, 0);
    assert.ok(result.promoted > 0 && result.fenced > 0 && result.partitions > 0);
    const unfenced = { rounds: 2_000, isFenced: false, lanes: 2, seed: 3, untilDouble: true };
    const shown = await tryPromotions(postgres, unfenced, AbortSignal.timeout(boundMs));
    assert.ok(shown.doubles > 0, 'the trial could not have failed');
  });

  test('of a PostgreSQL that is stopped at once during appends nothing acknowledged is lost', async () => {
    await using own = await Postgres.start();
    const wish = { stops: 5, seed: 7 };
    const result = await stopWhileAppending(own, wish, AbortSignal.timeout(boundMs));
    assert.deepEqual(
      { ...result, acknowledged: 0 },
      {
        stops: 5,
        acknowledged: 0,
        lost: 0,
        contradictions: 0,
      },
    );
    assert.ok(result.acknowledged >= 10);
  });

  async function untilWaiting(url: string): Promise<void> {
    const sql = `SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    const endMs = performance.now() + 60_000;
    while (performance.now() < endMs) {
      const [row] = await postgres.sql(databaseOf(url), sql);
      if (Number(row?.['n']) > 0) return;
      await sleep(20);
    }
    assert.fail('nothing waits for the lock');
  }
}

/** So long that no renewing in the background comes in between. */
const unrenewed = { leaseMs: 600_000 };

const checkpoint = { size: 0, note: 'late', isKept: true };

async function rawClient(url: string) {
  const client = new Client({ connectionString: url });
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}

function batchOf(expectedSize: number, content: string) {
  const leaf = Buffer.from(content);
  return { expectedSize, entries: [{ stream: 's', leaf, leafHash: leafHashHex(leaf) }], blobs: [] };
}

function isFenced(error: unknown): boolean {
  return error instanceof LedgerError && error.code === 'fenced' && !error.retryable;
}

function isLocked(error: unknown): boolean {
  const isOurs = error instanceof LedgerError && error.code === 'locked' && !error.retryable;
  return isOurs && /server first acts on it and is alive/.test(error.message);
}

function databaseOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}

function signal(): AbortSignal {
  return AbortSignal.timeout(120_000);
}
