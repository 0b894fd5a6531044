import { setTimeout as sleep } from 'node:timers/promises';

import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { say, type Session } from '../session.ts';
import { isRunning, type ServerFile } from '../state-folder.ts';
import { runningServer } from './up.ts';

/** Longer than an instance's default stop grace of 30 s, since instances are stopped in dependency order. */
const goneTimeoutMs = 120_000;
const pollMs = 100;
const progressMs = 5000;

export interface DownOptions {
  readonly keepInstances?: boolean;
  readonly timeout?: number;
}

export async function down(session: Session, options: DownOptions): Promise<ExitCode> {
  const server = await runningServer(session);
  if (server === null) {
    say(session, `No server runs for ${session.stateFolder}.`);
    return exitCodes.ok;
  }
  const all = options.keepInstances !== true;
  using client = await Client.connect(session);
  await client.tell('/v1/stop', { all }, session.signal);
  await waitUntilGone(session, server, options.timeout ?? goneTimeoutMs);
  say(
    session,
    all
      ? 'Stopped: server, gateway and all instances.'
      : 'Stopped the server; instances and gateway go on. Start it again: tidegate up',
  );
  return exitCodes.ok;
}

async function waitUntilGone(
  session: Session,
  server: ServerFile,
  timeoutMs: number,
): Promise<void> {
  const startMs = performance.now();
  let saidAtMs = startMs;
  while (await isRunning(server)) {
    const nowMs = performance.now();
    if (nowMs - startMs > timeoutMs) {
      throw new CliError(`the server (pid ${server.pid}) still runs after ${timeoutMs} ms`, {
        code: 'timeout',
        remedy: `look at ${session.stateFolder}/server.log, or wait longer with --timeout`,
      });
    }
    if (nowMs - saidAtMs >= progressMs) {
      say(session, `Stopping, ${Math.round((nowMs - startMs) / 1000)} s so far ...`);
      saidAtMs = nowMs;
    }
    await sleep(pollMs, undefined, { signal: session.signal });
  }
}
