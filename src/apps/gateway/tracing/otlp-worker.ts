import { Agent, request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import { OtlpEncoder } from './otlp-encoder.ts';
import type { BlockMessage, EmptiedBlock, FilledBlock } from './span-block.ts';

export interface ExporterOptions {
  /** Of a collector. */
  readonly url: string;
}

/** The thread that exports spans: blocks come one by one, each is one request to the collector, tried once. */
const { url } = workerData as ExporterOptions; // Of the only one who starts this, span-recorder.ts.
const agent = new Agent({ keepAlive: true, maxSockets: 2 });
const timeoutMs = 5000;

const blocks: Buffer[] = [];
const encoder = new OtlpEncoder();
/** One at a time, so that all are written into the same memory. */
let turn: Promise<void> = Promise.resolve();

parentPort?.on('message', (message: BlockMessage) => {
  if (message.kind === 'new') blocks[message.index] = Buffer.from(message.bytes);
  else turn = turn.then(() => exportBlock(message));
});

async function exportBlock(block: FilledBlock): Promise<void> {
  const { index, spans } = block;
  const isTaken = await send(encoder.encode(blocks[index] ?? Buffer.alloc(0), block));
  const emptied: EmptiedBlock = { index, exported: isTaken ? spans : 0, lost: isTaken ? 0 : spans };
  parentPort?.postMessage(emptied);
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
