import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { logFileName } from '../../../adapters/gateway/gateway-file.ts';
import { gatewayNodeOptions } from '../../../adapters/gateway/gateway-process.ts';
import { GatewayFixture, until } from '../gateway-fixture.ts';

/** What stands between the program and its script. */
async function nodeOptionsOf(pid: number): Promise<readonly string[]> {
  const [, ...words] = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
  return words.slice(
    0,
    words.findIndex((word) => !word.startsWith('-')),
  );
}

test('a gateway and its workers are started with the same options of Node', async () => {
  await using gateway = await GatewayFixture.start('fast', { workers: 2 });
  const logPath = join(gateway.stateFolder, logFileName);
  let pids: readonly number[] = [];
  await until(async () => {
    const log = await readFile(logPath, 'utf8');
    pids = [...log.matchAll(/worker \d+ serves \(pid (\d+)\)/g)].map(([, pid]) => Number(pid));
    return pids.length === 2;
  });
  assert.ok(gatewayNodeOptions.length > 0);
  for (const pid of [gateway.process.file.pid, ...pids]) {
    assert.deepEqual(await nodeOptionsOf(pid), gatewayNodeOptions);
  }
});
