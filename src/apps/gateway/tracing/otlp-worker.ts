import { Agent, request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import { otlpSpans } from './otlp-spans.ts';
import type { EmptiedBlock, FilledBlock } from './span-block.ts';

/** The thread that exports spans: blocks come one by one, each is one request to the collector, tried once. */
const { url } = workerData as { readonly url: string };
const agent = new Agent({ keepAlive: true, maxSockets: 2 });
const timeoutMs = 5000;

parentPort?.on('message', (block: FilledBlock) => void exportBlock(block));

async function exportBlock(block: FilledBlock): Promise<void> {
  const isTaken = await send(otlpSpans(block));
  const { bytes, spans } = block;
  const emptied: EmptiedBlock = { bytes, exported: isTaken ? spans : 0, lost: isTaken ? 0 : spans };
  parentPort?.postMessage(emptied, [bytes]);
}

/** Whether the collector took it. A collector that is away costs spans, which are counted, and nothing else. */
function send(body: Buffer): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const headers = { 'content-type': 'application/x-protobuf', 'content-length': body.length };
  const sending = request(url, { method: 'POST', agent, headers, timeout: timeoutMs }, (answer) => {
    answer.resume();
    answer.on('close', () => resolve((answer.statusCode ?? 500) < 300));
  });
  sending.on('timeout', () => sending.destroy(new Error('the collector did not answer')));
  sending.on('error', () => resolve(false));
  sending.end(body);
  return promise;
}
