import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { readProcess } from '../../../adapters/local-process/process-table.ts';
import { markStopped, takeStageFolder } from './stage-folder.ts';

async function freshFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-stage-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'state');
}

test('a folder that the demo did not make is left as it is', async (context) => {
  const folder = await freshFolder(context);
  await mkdir(folder);
  await writeFile(join(folder, 'precious'), 'x');
  await assert.rejects(takeStageFolder(folder), /not a folder that the demo made/);
  assert.equal(await readFile(join(folder, 'precious'), 'utf8'), 'x');
});

test('a marker of another make is not ours', async (context) => {
  const folder = await freshFolder(context);
  await mkdir(folder);
  await writeFile(join(folder, 'demo.json'), '{"pid":"x"}');
  await assert.rejects(takeStageFolder(folder), /not a folder that the demo made/);
});

test('while its demo lives nobody takes a folder', async (context) => {
  const folder = await freshFolder(context);
  await takeStageFolder(folder);
  await assert.rejects(takeStageFolder(folder), /another demo runs in/);
});

test('what an earlier demo left is removed, also when its pid is in use again', async (context) => {
  const folder = await freshFolder(context);
  await takeStageFolder(folder);
  await markStopped(folder);
  await writeFile(join(folder, 'ledger.db'), 'old');
  const startTicks = (readProcess(process.pid)?.startTicks ?? 0) - 1;
  await writeFile(
    join(folder, 'demo.json'),
    JSON.stringify({ pid: process.pid, startTicks, isStopped: true }),
  );
  await takeStageFolder(folder);
  assert.deepEqual(await readdir(folder), ['demo.json']);
});
