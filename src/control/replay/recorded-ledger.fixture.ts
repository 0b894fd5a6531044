import assert from 'node:assert/strict';

import { createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import { exportLedger } from '../ledger/ledger-export.ts';
import { LoopWorld } from '../loop/loop.fixture.ts';
import { openRecorder, type RecordedEntry } from '../recording/recorder.ts';
import { streamOfService } from '../recording/recovery.ts';
import type { ReadBlob } from './replay.ts';

const { signal } = new AbortController();

export interface Ledger {
  readonly entries: RecordedEntry[];
  readonly blobs: Map<string, Uint8Array>;
}

/** As a file has it, and what stands beside it: lines of an export, and of inputs by digest. */
export async function exported(): Promise<{
  readonly lines: readonly string[];
  readonly blobs: ReadonlyMap<string, Uint8Array>;
}> {
  const world = await recordedWorld();
  const { blobs } = await ledgerOf(world);
  const signer = createMemorySigner(Buffer.alloc(32, 1));
  return { lines: await Array.fromAsync(exportLedger(world.store, signer, signal)), blobs };
}

/** web-1 first, web-2 promoted although the loop was stopped in between, web-3 rolled back by its gate. */
export async function recorded(): Promise<Ledger> {
  return ledgerOf(await recordedWorld());
}

async function recordedWorld(): Promise<LoopWorld> {
  const world = new LoopWorld();
  let running = await world.open();
  await running.promoteFirst(1);
  await running.beginCanary(2);
  await world.serve(400);
  await running.stop();
  running = await world.open();
  await world.serve(12_000);
  assert.equal(running.phase, 'promoted');
  await running.beginCanary(3);
  await world.serve(2_000, [3]);
  assert.equal(running.phase, 'rolled-back');
  await running.stop();
  return world;
}

/** All that the world's ledger keeps of the service web. */
export async function ledgerOf({ store, clock }: LoopWorld): Promise<Ledger> {
  const signer = createMemorySigner(Buffer.alloc(32, 1));
  const recorder = await openRecorder({ store, signer, clock, version: '0.1.0' }, signal);
  const entries: RecordedEntry[] = [];
  const blobs = new Map<string, Uint8Array>();
  for await (const entry of recorder.replay(streamOfService('web'), signal)) {
    entries.push(entry);
    for (const { sha256 } of entry.inputs) {
      const bytes = await store.blob(sha256, signal);
      assert.ok(bytes);
      blobs.set(sha256, bytes);
    }
  }
  return { entries, blobs };
}

export async function* listed(entries: readonly RecordedEntry[]): AsyncIterable<RecordedEntry> {
  yield* entries;
}

export function readerOf(blobs: ReadonlyMap<string, Uint8Array>): ReadBlob {
  return async (sha256) => blobs.get(sha256) ?? null;
}
