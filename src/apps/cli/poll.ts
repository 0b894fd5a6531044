import { setTimeout as sleep } from 'node:timers/promises';

import { CliError } from './cli-error.ts';
import { Client } from './client.ts';
import { say, type Session } from './session.ts';

/** A server that is started again after a crash is back well within this. */
const awayMsMax = 60_000;

export interface PollOptions {
  readonly intervalMs: number;
  readonly signal: AbortSignal;
  /** After a person was told that the server is away. */
  readonly onTold?: () => void;
}

/**
 * Asks again and again, without end; whoever uses it stops or aborts. A server that goes away in between is
 * waited for and told of once, because rollouts go on without the command line and a restart is no failure.
 * That the first answer fails is an error at once.
 */
export async function* poll<T>(
  session: Session,
  ask: (client: Client, signal: AbortSignal) => Promise<T>,
  { intervalMs, signal, onTold }: PollOptions,
): AsyncGenerator<T> {
  let client = await Client.connect(session);
  try {
    let isFirst = true;
    let awaySinceMs: number | null = null;
    for (;;) {
      try {
        const answer = await ask(client, signal);
        awaySinceMs = null;
        isFirst = false;
        yield answer;
      } catch (error) {
        if (signal.aborted || isFirst) throw error;
        const isNews = awaySinceMs === null;
        awaySinceMs = stillAway(session, error, awaySinceMs);
        if (isNews) onTold?.();
      }
      await sleep(intervalMs, undefined, { signal });
      // Another address may be in server.json after a restart.
      if (awaySinceMs !== null) client = await reconnect(session, client);
    }
  } finally {
    client[Symbol.dispose]();
  }
}

/** Since when the server is away; throws what is not worth waiting for. */
export function stillAway(session: Session, error: unknown, sinceMs: number | null): number {
  if (!(error instanceof CliError) || !error.retryable) throw error;
  const nowMs = performance.now();
  if (sinceMs === null) {
    say(session, `${error.message}; waiting for it`);
    return nowMs;
  }
  if (nowMs - sinceMs > awayMsMax) throw error;
  return sinceMs;
}

async function reconnect(session: Session, old: Client): Promise<Client> {
  try {
    const client = await Client.connect(session);
    old[Symbol.dispose]();
    return client;
  } catch (error) {
    // Between two servers the file is missing; the old client's next call says how long it is away.
    if (error instanceof CliError && error.retryable) return old;
    throw error;
  }
}
