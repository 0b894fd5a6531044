/**
 * `node rotating-caller.ts FOLDER PORT HOST SECONDS REQUESTS_PER_SECOND`, forked: asks over kept connections by a schedule that is
 * laid down ahead, whatever has become of those before, and renews its certificate. Sends its counts and ends.
 */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { RotatingHolder } from './rotating-holder.ts';

export interface CallerCounts {
  readonly requests: number;
  /** Any other answer than 200, or none. */
  readonly failed: number;
  readonly firstFailure: string | null;
  readonly answered: number;
  /** From the first request to the last one, and to the last answer. */
  readonly offeredMs: number;
  readonly answeredMs: number;
  /** Of its own, and of those that the gateway has shown. */
  readonly certificates: number;
  readonly shownByGateway: number;
}

const turnMs = 10;
const socketsMax = 32;
const readyMs = 60_000;

const [folder = '', portText = '', host = '', secondsText = '', rateText = ''] =
  process.argv.slice(2);
const shown = new Set<string>();
let agent = newAgent();
const holder = await RotatingHolder.of(folder, () => {
  leave(agent);
  agent = newAgent();
});
for (const untilMs = Date.now() + readyMs; Date.now() < untilMs && (await ask()) !== null;) {
  await sleep(turnMs);
}
const counts = await offer(Number(secondsText), Number(rateText));
process.send?.(counts, () => process.exit());

async function offer(seconds: number, requestsPerSecond: number): Promise<CallerCounts> {
  const before = holder.certificates;
  shown.clear();
  const answers: Promise<string | null>[] = [];
  const startedMs = performance.now();
  for (let turn = 0; turn < (seconds * 1000) / turnMs; turn += 1) {
    await sleep(Math.max(0, startedMs + turn * turnMs - performance.now()));
    for (let each = 0; each < (requestsPerSecond * turnMs) / 1000; each += 1) answers.push(ask());
  }
  const offeredMs = performance.now() - startedMs;
  const failures = (await Promise.all(answers)).filter((answer) => answer !== null);
  return {
    requests: answers.length,
    failed: failures.length,
    firstFailure: failures[0] ?? null,
    answered: answers.length - failures.length,
    offeredMs,
    answeredMs: performance.now() - startedMs,
    certificates: holder.certificates - before,
    shownByGateway: shown.size,
  };
}

function newAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: socketsMax, maxCachedSessions: 0 });
}

/** What is under way on older connections ends on them, and then they are closed. */
function leave(old: Agent): void {
  old.maxFreeSockets = 0;
  for (const socket of Object.values(old.freeSockets).flat()) socket?.destroy();
}

/** Null: it was answered well; else what was wrong. */
async function ask(): Promise<string | null> {
  try {
    const where = { host: '127.0.0.1', port: Number(portText), servername: host };
    const outgoing = request({ ...where, headers: { host }, agent, ...holder.tls });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    if (!outgoing.reusedSocket) noteShown(response.socket as TLSSocket);
    response.resume();
    await once(response, 'end');
    const { statusCode, headers } = response;
    return statusCode === 200 ? null : `${statusCode} ${String(headers['x-tidegate-reason'])}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function noteShown(socket: TLSSocket): void {
  shown.add(socket.getPeerX509Certificate()?.serialNumber ?? '');
}
