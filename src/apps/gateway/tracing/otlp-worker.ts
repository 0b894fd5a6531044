import { parentPort, workerData } from 'node:worker_threads';
import { Agent, request } from '../node-http.ts';
import { lowerPriority } from './lower-priority.ts';
import { OtlpEncoder } from './otlp-encoder.ts';
import type { BlockMessage, EmptiedBlock, FilledBlock } from './span-block.ts';

export interface ExporterOptions {
  /** Of a collector. */
  readonly url: string;
  /** How long it may take to answer. */
  readonly timeoutMs: number;
}

/**
 * The thread that exports spans: blocks come one by one, each is one request to the collector. A collector that could not take
 * one is asked again a few times, further and further apart (opentelemetry.io/docs/specs/otlp, "Retryable response codes" and
 * "OTLP/HTTP throttling"); one that did not take the last block is asked once for each until it takes one again, so that what
 * waits behind it is not lost for nothing.
 */
// Where it shares a core with the thread that serves, callers waited behind a block of spans.
lowerPriority();
const { url, timeoutMs } = workerData as ExporterOptions; // Of the only one who starts this, span-recorder.ts.
const agent = new Agent({ keepAlive: true, maxSockets: 2 });
const attemptsMax = 4;
const firstBackOffMs = 100;
/** Of one block, all attempts together. */
const boundMs = 10_000;
let hasTakenLast = true;

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
  const body = encoder.encode(blocks[index] ?? Buffer.alloc(0), block);
  const untilMs = performance.now() + boundMs;
  const attempts = hasTakenLast ? attemptsMax : 1;
  let outcome = await send(body);
  let backOffMs = firstBackOffMs;
  for (let made = 1; made < attempts && outcome === 'later'; made += 1) {
    if (performance.now() + backOffMs > untilMs) break;
    // Gateways that lost the same collector shall not come back to it together.
    await pause(backOffMs * (0.5 + Math.random() / 2));
    backOffMs *= 2;
    outcome = await send(body);
  }
  const isTaken = outcome === 'taken';
  hasTakenLast = isTaken;
  const emptied: EmptiedBlock = { index, exported: isTaken ? spans : 0, lost: isTaken ? 0 : spans };
  parentPort?.postMessage(emptied);
}

/** `later`: it may take the same if it is asked again. */
type Outcome = 'taken' | 'later' | 'refused';

const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504]);

function send(body: Buffer): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const headers = { 'content-type': 'application/x-protobuf', 'content-length': body.length };
  const sending = request(url, { method: 'POST', agent, headers, timeout: timeoutMs }, (answer) => {
    answer.resume();
    const { statusCode = 500 } = answer;
    answer.on('close', () => {
      resolve(statusCode < 300 ? 'taken' : retryable.has(statusCode) ? 'later' : 'refused');
    });
  });
  sending.on('timeout', () => sending.destroy(new Error('the collector did not answer')));
  sending.on('error', () => resolve('later'));
  sending.end(body);
  return promise;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
