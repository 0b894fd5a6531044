import assert from 'node:assert/strict';
import { once } from 'node:events';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { yieldingNice } from './lower-priority.ts';

const isLinux = process.platform === 'linux';

test(
  'a thread that yields is nicer than the one that started it',
  { skip: isLinux ? false : 'only Linux has nice values of threads' },
  async () => {
    const before = getPriority();
    const script = `
      import { parentPort } from 'node:worker_threads';
      import { getPriority } from 'node:os';
      import { lowerPriority } from ${JSON.stringify(new URL('lower-priority.ts', import.meta.url).href)};
      const thread = lowerPriority();
      parentPort.postMessage({ thread, nice: getPriority(thread) });
    `;
    const url = new URL(`data:text/javascript,${encodeURIComponent(script)}`);
    const worker = new Worker(url);
    const [said] = (await once(worker, 'message')) as [{ thread: number; nice: number }];
    await worker.terminate();
    assert.notEqual(said.thread, process.pid);
    assert.equal(said.nice, Math.max(yieldingNice, before));
    assert.equal(getPriority(), before);
  },
);
