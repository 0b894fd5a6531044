/** The work of one core: answers each bundle with the facts of its entries. */
import { parentPort } from 'node:worker_threads';

import { BundleFacts } from './bundle-facts.ts';
import type { WorkerMessage } from './facts-pool.ts';

const facts = new BundleFacts();

parentPort?.on('message', (message: WorkerMessage) => {
  if (message.kind === 'key') facts.learn(message.key);
  else parentPort?.postMessage(facts.of(message.request));
});
