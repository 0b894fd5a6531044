import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { say, type Session } from '../session.ts';
import { isRunning, type ServerFile } from '../state-folder.ts';
import { lastError, logTail, runningServer } from './up.ts';

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
  const logPath = join(session.stateFolder, 'server.log');
  const logFromBytes = await sizeOf(logPath);
  using client = await Client.connect(session);
  await client.post('/v1/stop', { body: { all, who: session.who }, signal: session.signal });
  await waitUntilGone(session, server, options.timeout ?? goneTimeoutMs);
  const trouble = lastError(await logTail(logPath, logFromBytes).catch(() => []));
  if (trouble !== null) {
    throw new CliError(`the server has ended, but not in order: ${trouble}`, {
      code: 'refused',
      remedy: `its log is ${logPath}; tidegate up and tidegate down try again`,
    });
  }
  say(
    session,
    all
      ? 'Stopped: server, gateway and all instances.'
      : 'Stopped the server; instances and gateway go on. Start it again: tidegate up',
  );
  return exitCodes.ok;
}

/** 0 when there is none, as of a server that was started in the foreground. */
async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
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
