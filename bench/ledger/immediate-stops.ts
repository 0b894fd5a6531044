import { setTimeout as sleep } from 'node:timers/promises';

import { openPostgresLedger } from '../../src/adapters/postgres/postgres-ledger-store.ts';
import type { PostgresLedgerStore } from '../../src/adapters/postgres/postgres-ledger-store.ts';
import { parsePostgresUrl } from '../../src/adapters/postgres/postgres-url.ts';
import { hexOfHash, leafHash, leafHashHex } from '../../src/domain/evidence/digest.ts';
import { MerkleEdge, rootOf } from '../../src/domain/evidence/merkle-edge.ts';
import { LedgerError } from '../../src/ports/ledger-store.ts';
import type { Postgres } from '../../test/services/postgres.fixture.ts';
import { Random } from '../../test/simulation/random.ts';

export interface StopsResult {
  readonly stops: number;
  /** Entries whose append was acknowledged. */
  acknowledged: number;
  /** Of them, those that are not there, or other, after a stop. */
  lost: number;
  /** Half batches, gaps, and trees that are not over the entries. */
  contradictions: number;
}

/** Entries of one append: half of one would show as an odd size. */
const batchEntries = 2;

/**
 * Stops PostgreSQL as `pg_ctl stop -m immediate` does, again and again while one writer appends, and looks after each start whether
 * all that was acknowledged is there. It kills processes and not the machine: what a power cut does to a disk is not shown.
 */
export async function stopWhileAppending(
  postgres: Postgres,
  { stops, seed }: { readonly stops: number; readonly seed: number },
  signal: AbortSignal,
): Promise<StopsResult> {
  const random = new Random(seed);
  const controller = { id: 'writer', shown: 'writer' };
  const address = parsePostgresUrl(await postgres.newDatabase());
  await using store = await openPostgresLedger({ address, controller }, signal);
  const result = { stops, acknowledged: 0, lost: 0, contradictions: 0 };
  let wanted = 0;
  const writing = { isOver: false };
  const writer = appendUntil(store, { result, writing }, signal);
  writer.catch(() => undefined);
  for (let stop = 0; stop < stops; stop += 1) {
    wanted = result.acknowledged + batchEntries * random.between(1, 40);
    while (result.acknowledged < wanted) await Promise.race([writer, sleep(2, null, { signal })]);
    await postgres.stopImmediately();
    const promised = result.acknowledged;
    await postgres.start();
    await check(store, { promised, result }, signal);
  }
  writing.isOver = true;
  await writer;
  await check(store, { promised: result.acknowledged, result }, signal);
  return result;
}

/** Goes on after each loss of the connection as the recorder does: it looks what there is, and appends what is missing. */
async function appendUntil(
  store: PostgresLedgerStore,
  { result, writing }: { readonly result: StopsResult; readonly writing: { isOver: boolean } },
  signal: AbortSignal,
): Promise<void> {
  while (!writing.isOver) {
    signal.throwIfAborted();
    try {
      const { size } = await store.head(signal);
      const entries = Array.from({ length: batchEntries }, (_, n) => entryOf(size + n));
      const outcome = await store.append({ expectedSize: size, entries, blobs: [] }, signal);
      if (outcome === 'appended') result.acknowledged = size + batchEntries;
    } catch (error) {
      if (!(error instanceof LedgerError && error.retryable)) throw error;
      await sleep(5, null, { signal });
    }
  }
}

async function check(
  store: PostgresLedgerStore,
  { promised, result }: { readonly promised: number; readonly result: StopsResult },
  signal: AbortSignal,
): Promise<void> {
  const state = await store.edge(signal);
  const leaves = Array.from({ length: state.size }, (_, index) => leafHash(entryOf(index).leaf));
  const root = MerkleEdge.of(state)?.root() ?? Buffer.alloc(0);
  let right = 0;
  for await (const { index, leafHash: hash } of store.read(
    { fromIndex: 0, stream: null },
    signal,
  )) {
    if (index === right && hash === entryOf(index).leafHash) right += 1;
  }
  result.lost += Math.max(0, promised - right);
  const isWhole = state.size % batchEntries === 0 && right >= state.size;
  if (!isWhole || hexOfHash(root) !== hexOfHash(rootOf(leaves))) result.contradictions += 1;
}

function entryOf(index: number) {
  const leaf = Buffer.from(`entry ${index} ${'x'.repeat(1_500)}`);
  return { stream: `s${index % 3}`, leaf, leafHash: leafHashHex(leaf) };
}
