/** `node killed-writer.ts FOLDER`: records two entries at a time and tells each once it is durable, until it is killed. */
import { writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';

import { createMemorySigner } from '../../src/adapters/memory/memory-signer.ts';
import { openSqliteLedger } from '../../src/adapters/sqlite/sqlite-ledger-store.ts';
import { SystemClock } from '../../src/adapters/system/system-clock.ts';
import { openRecorder } from '../../src/control/recording/recorder.ts';

/** Nobody kills it any more: its parent is gone. */
const MOST_BATCHES = 20_000;

// A killed process keeps nothing for the next one otherwise.
flushCompileCache();
const [, , folder = ''] = process.argv;
const signal = new AbortController().signal;
await using store = await openSqliteLedger({ folder, sizeLimitBytes: null }, signal);
const signer = createMemorySigner(Buffer.alloc(32, 9));
const clock = new SystemClock({ notBeforeMs: 0 });
const parts = { store, tree: store, signer, clock, version: '0.1.0' };
await using recorder = await openRecorder(parts, signal);
for (let batch = 0; batch < MOST_BATCHES; batch += 1) {
  const { size } = recorder;
  const entries = [size, size + 1].map((index) => ({
    type: 'gate-result' as const,
    subjects: [],
    idempotencyKey: `${index}`,
    data: { index, text: 'x'.repeat(1_000) },
  }));
  // What a state costs, so that a kill may fall into the writing of a blob as well.
  const blobs = [{ name: 'state', bytes: Buffer.from(`state at ${size}`) }];
  const places = await recorder.record({ stream: `service/${size % 3}`, entries, blobs }, signal);
  // Written at once and by the system call itself: what was told is in the pipe, whatever comes next.
  for (const { index, leafHash } of places) writeSync(1, `${index} ${leafHash}\n`);
}
