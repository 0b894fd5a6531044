import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { test } from 'node:test';

import { rehearse } from './rehearsal.ts';

const boundMs = 60_000;

/** Sockets and listeners of this process that are still open. */
function openSockets(): string[] {
  return process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP'));
}

async function untilNoneIsOpen(): Promise<void> {
  const endMs = performance.now() + boundMs;
  while (openSockets().length > 0) {
    assert.ok(performance.now() < endMs, `still open: ${openSockets().join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('a rehearsal leaves no socket open', async () => {
  await rehearse({ connections: 4 }, AbortSignal.timeout(boundMs));
  await untilNoneIsOpen();
});

test('a rehearsal that nobody wants any more ends', async () => {
  await rehearse({ connections: 4 }, AbortSignal.abort());
  await untilNoneIsOpen();
});

test('the check sees a listener that stays', async () => {
  const left: Server = createServer().listen(0, '127.0.0.1');
  await once(left, 'listening');
  assert.ok(openSockets().length > 0);
  left.close();
  await untilNoneIsOpen();
});
