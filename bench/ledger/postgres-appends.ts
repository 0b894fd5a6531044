import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';

import { openPostgresLedger } from '../../src/adapters/postgres/postgres-ledger-store.ts';
import type { PostgresLedgerStore } from '../../src/adapters/postgres/postgres-ledger-store.ts';
import { parsePostgresUrl } from '../../src/adapters/postgres/postgres-url.ts';
import { openSigningKey } from '../../src/adapters/system/signing-key.ts';
import { SystemClock } from '../../src/adapters/system/system-clock.ts';
import { openRecorder } from '../../src/control/recording/recorder.ts';
import { leafHashHex } from '../../src/domain/evidence/digest.ts';
import type { Postgres } from '../../test/services/postgres.fixture.ts';
import { quantileOf } from '../form.ts';
import { gateResult } from './filled-ledger.ts';

export interface PostgresAppends {
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly perSecond: number;
  /** Processor time of this process for each entry, which a busy machine disturbs less than the clock. */
  readonly cpuUs: number;
  /** The store alone: ready-made leaves of as many bytes, as many in a transaction. */
  readonly storePerSecond: number;
  /** Rows of as many bytes a second, as many in a transaction, by the same client, with nothing of a ledger about them. */
  readonly barePerSecond: number;
}

const callers = 64;

/** So many callers that each record one entry and wait for it: drafted, signed, in the tree, on the disk. */
export async function measurePostgresAppends(
  postgres: Postgres,
  count: number,
  signal: AbortSignal,
): Promise<PostgresAppends> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-pg-'));
  try {
    const url = await postgres.newDatabase();
    const controller = { id: 'bench', shown: 'bench' };
    await using store = await openPostgresLedger(
      { address: parsePostgresUrl(url), controller },
      signal,
    );
    const signer = await openSigningKey(join(folder, 'keys'));
    const clock = new SystemClock({ notBeforeMs: 0 });
    const parts = { store, tree: store, signer, clock, version: '0.1.0' };
    await using recorder = await openRecorder(parts, signal);
    const tookMs: number[] = [];
    let begun = 0;
    const call = async (): Promise<void> => {
      while (begun < count) {
        const number = begun;
        begun += 1;
        const startedMs = performance.now();
        const entry = {
          type: 'gate-result' as const,
          subjects: [],
          idempotencyKey: `${number}`,
          data: gateResult(number),
        };
        const stream = `service/service-${number % 10}`;
        await recorder.record({ stream, entries: [entry], blobs: [] }, signal);
        tookMs.push(performance.now() - startedMs);
      }
    };
    const startedMs = performance.now();
    const cpuBefore = process.cpuUsage();
    await Promise.all(Array.from({ length: callers }, call));
    const { user, system } = process.cpuUsage(cpuBefore);
    const perSecond = (count * 1_000) / (performance.now() - startedMs);
    const cpuUs = (user + system) / count;
    const leafBytes = await meanLeafBytes(postgres, url);
    const storePerSecond = await storeRate(store, { count, leafBytes }, signal);
    const barePerSecond = await bareRate(postgres, { url, count, leafBytes });
    const [p50Ms, p99Ms] = [quantileOf(tookMs, 0.5), quantileOf(tookMs, 0.99)];
    return { p50Ms, p99Ms, perSecond, cpuUs, storePerSecond, barePerSecond };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function meanLeafBytes(postgres: Postgres, url: string): Promise<number> {
  const sql = 'SELECT avg(octet_length(leaf))::int AS bytes FROM tidegate.entry';
  const [row] = await postgres.sql(databaseOf(url), sql);
  return Number(row?.['bytes']);
}

async function storeRate(
  store: PostgresLedgerStore,
  of: { readonly count: number; readonly leafBytes: number },
  signal: AbortSignal,
): Promise<number> {
  const leaf = Buffer.alloc(of.leafBytes, 0x62);
  const entry = { stream: 'bare', leaf, leafHash: leafHashHex(leaf) };
  const entries = Array.from({ length: callers }, () => entry);
  let { size } = await store.head(signal);
  const startedMs = performance.now();
  let done = 0;
  for (; done < of.count; done += callers) {
    await store.append({ expectedSize: size, entries, blobs: [] }, signal);
    size += callers;
  }
  return (done * 1_000) / (performance.now() - startedMs);
}

async function bareRate(
  postgres: Postgres,
  of: { readonly url: string; readonly count: number; readonly leafBytes: number },
): Promise<number> {
  const database = databaseOf(of.url);
  await postgres.sql(database, 'CREATE TABLE bare (id bigint PRIMARY KEY, bytes bytea NOT NULL)');
  await postgres.sql(database, 'ALTER TABLE bare ALTER COLUMN bytes SET STORAGE EXTERNAL');
  const client = new Client({ connectionString: of.url });
  await client.connect();
  try {
    const bytes = Buffer.alloc(of.leafBytes * callers, 0x61);
    const text = `INSERT INTO bare SELECT $1::bigint + n, substr($2::bytea, (n * $3 + 1)::int, $3::int)
      FROM generate_series(0, ${callers - 1}) AS n`;
    const startedMs = performance.now();
    for (let done = 0; done < of.count; done += callers) {
      await client.query({ name: 'bare', text, values: [done, bytes, of.leafBytes] });
    }
    return (Math.ceil(of.count / callers) * callers * 1_000) / (performance.now() - startedMs);
  } finally {
    await client.end();
  }
}

function databaseOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}
