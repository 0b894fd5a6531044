/** A promotion waits until its entry is under a checkpoint that a witness has cosigned, and an auditor can check that. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { openNoteSigner } from '../../src/adapters/system/note-signing-key.ts';
import { SystemClock } from '../../src/adapters/system/system-clock.ts';
import { witnessServer } from '../../src/apps/witness/witness-server.ts';
import { WitnessStore } from '../../src/apps/witness/witness-store.ts';
import { formatVkey, noteKey } from '../../src/domain/evidence/note-key.ts';
import { release } from './release.fixture.ts';
import { freePort } from './free-port.fixture.ts';
import { projectFolder, startWorld, waitFor } from './world.fixture.ts';

test('a promotion is held while the witness is away, goes on when it is there, and is proven then', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1' }));
  const keys = (await world.run(['ledger', 'keys'])).stdout;
  const logLines = keys.split('\n').filter((line) => line.startsWith('log '));
  const folder = join(world.folder, 'witness');
  using store = await WitnessStore.open(folder);
  for (const line of logLines) store.addKey(line.slice('log '.length));
  const signer = await openNoteSigner(folder, 'key.pem', 'cosignature-ml-dsa-44');
  const vkey = formatVkey(noteKey('witness.example', signer.type, signer.publicKey));
  const port = await freePort();
  const policy = join(world.folder, 'policy.tlog');
  const witnessLine = `witness w ${vkey} http://127.0.0.1:${port}`;
  await writeFile(policy, `${[...logLines, witnessLine, 'quorum w'].join('\n')}\n`);
  await world.must('down', '--keep-instances');
  await world.must(...world.upArguments, '--witnesses', policy, '--witness-mode', 'require');

  const steps = ['{ weight: 30%, gate: false, approval: true }', '100%'];
  await world.apply(release({ version: 'v2', steps }));
  const waiting = await world.run(['rollout', 'status', 'pay', '--timeout', '170s']);
  assert.equal(waiting.code, 4, waiting.stdout + waiting.stderr);
  // It may be answered only when the promotion goes on.
  const promote = ['rollout', 'promote', 'pay', '--reason', 'the witness is away'];
  const promoting = world.run(promote);
  await waitFor('the promotion to be held', async () => {
    const { ledger } = await world.status();
    return /the promotion of pay waits for witnesses/.test(ledger.witnessProblem ?? '');
  });
  assert.ok((await versionsOf(world)).has('v1'), 'the promotion began without its witness');

  const clock = new SystemClock({ notBeforeMs: 0 });
  const parts = { name: 'witness.example', store, signer, clock, log: () => undefined };
  const server = witnessServer(parts).listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    await waitFor('all traffic on v2', async () => !(await versionsOf(world)).has('v1'));
    await promoting;
    await world.must('ledger', 'checkpoint');
    await world.must('ledger', 'export', 'audit');
    const verifier = join(projectFolder, 'bin', 'tidegate-verify.js');
    const verified = await world.runNode([verifier, 'audit', '--policy', policy]);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    assert.match(verified.stdout, /witness: w at /);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

async function versionsOf(world: Awaited<ReturnType<typeof startWorld>>): Promise<Set<string>> {
  const versions = new Set<string>();
  for (let visit = 0; visit < 20; visit += 1)
    versions.add((await world.visit('pay')).version ?? '');
  return versions;
}
