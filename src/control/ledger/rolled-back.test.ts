import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import { originAt } from './ledger-origin.ts';
import { rootAt } from './ledger-proofs.ts';
import { openRecorder } from '../recording/recorder.ts';
import { requireNotRolledBack, RolledBackError } from './rolled-back.ts';

const SIGNER = createMemorySigner(Buffer.alloc(32, 1));
const FROM = '/state/newest-checkpoint';

test('a ledger that goes on from the checkpoint its server kept is taken, at its size and beyond', async () => {
  const { store } = await ledgerOf(6);
  for (const size of [0, 1, 4, 6]) {
    const note = size === 0 ? noteOf('x', 0, Buffer.alloc(32)) : await noteAt(store, size);
    await requireNotRolledBack(store, { from: FROM, note }, signal());
  }
});

test('one that lacks entries is refused with their number and the way on, also when it lacks all of them', async () => {
  const note = await noteAt((await ledgerOf(6)).store, 6);
  const { store } = await ledgerOf(4);
  await assert.rejects(requireNotRolledBack(store, { from: FROM, note }, signal()), (error) => {
    assert.ok(error instanceof RolledBackError && error.code === 'behind');
    assert.match(
      error.message,
      /has 4 entries, and \/state\/newest-checkpoint is a checkpoint over 6/,
    );
    assert.match(
      error.message,
      /2 entries .* would be lost; .*tidegate restore .*--new-origin REASON/,
    );
    return true;
  });
  const empty = new MemoryLedgerStore();
  await assert.rejects(
    requireNotRolledBack(empty, { from: FROM, note }, signal()),
    isCode('behind'),
  );
});

test('one with other entries is refused, also when it is longer, and one of another name', async () => {
  const { store } = await ledgerOf(6);
  const note = await noteAt(store, 4);
  const other = (await ledgerOf(8, 'other')).store;
  await assert.rejects(
    requireNotRolledBack(other, { from: FROM, note }, signal()),
    isCode('other'),
  );
  const renamed = noteOf('ledger.example', 4, await rootAt(store, 4, signal()));
  await assert.rejects(
    requireNotRolledBack(store, { from: FROM, note: renamed }, signal()),
    isCode('other'),
  );
});

test('what is no checkpoint is neither believed nor passed over', async () => {
  const { store } = await ledgerOf(2);
  for (const note of ['', 'half a chec', (await noteAt(store, 2)).slice(0, 40)]) {
    await assert.rejects(
      requireNotRolledBack(store, { from: FROM, note }, signal()),
      isCode('unreadable'),
    );
  }
});

async function ledgerOf(size: number, data = 'same') {
  const store = new MemoryLedgerStore();
  const clock = { nowMs: () => 1_000, sleep: () => Promise.reject(new Error('not used')) };
  const recorder = await openRecorder({ store, signer: SIGNER, clock, version: '0.1.0' }, signal());
  for (let n = 1; n < size; n += 1) {
    const type = 'gate-result' as const;
    const entries = [{ type, subjects: [], idempotencyKey: `${n}`, data: { data } }];
    await recorder.record({ stream: 's', entries, blobs: [] }, signal());
  }
  return { store };
}

async function noteAt(store: MemoryLedgerStore, size: number): Promise<string> {
  return noteOf(await originAt(store, size, signal()), size, await rootAt(store, size, signal()));
}

/** The signature is not judged, but a note has one. */
function noteOf(origin: string, size: number, root: Uint8Array): string {
  const signature = Buffer.alloc(68, 7).toString('base64');
  return `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n\n— ${origin} ${signature}\n`;
}

function isCode(code: RolledBackError['code']) {
  return (error: unknown): boolean => error instanceof RolledBackError && error.code === code;
}

function signal(): AbortSignal {
  return AbortSignal.timeout(60_000);
}
