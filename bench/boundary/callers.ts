import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { hostName } from '../gateway/configurations.ts';

/** What one caller got in each second. */
export interface CallerCount {
  readonly allowed: readonly number[];
  readonly refused: readonly number[];
  /** Neither an answer 200 nor 429, or none at all. */
  readonly others: number;
}

export interface Offer {
  /** Each caller asks one of them, in turn. */
  readonly ports: readonly number[];
  readonly callers: number;
  readonly requestsPerSecond: number;
  readonly seconds: number;
}

const connectionsEach = 4;
const tickMs = 2;

/**
 * Callers that ask evenly, by a schedule that is laid down ahead (open loop), each over connections of its own. Seconds are counted
 * by when an answer came.
 */
export async function askedBy(
  { ports, callers, requestsPerSecond, seconds }: Offer,
  signal: AbortSignal,
): Promise<readonly CallerCount[]> {
  const everyMs = (1000 * callers) / requestsPerSecond;
  const startMs = performance.now() + 100;
  const counts = Array.from({ length: callers }, () => ({
    allowed: Array.from({ length: seconds }, () => 0),
    refused: Array.from({ length: seconds }, () => 0),
    others: 0,
  }));
  const ask = async (index: number): Promise<void> => {
    const count = counts[index];
    if (count === undefined) return;
    const origin = `http://127.0.0.1:${ports[index % ports.length]}`;
    const pool = new Pool(origin, { connections: connectionsEach });
    const one = async (): Promise<void> => {
      const status = await statusOf(pool);
      const second = Math.floor((performance.now() - startMs) / 1000);
      if (status !== 200 && status !== 429) count.others += 1;
      else if (second < seconds) {
        const into = status === 200 ? count.allowed : count.refused;
        into[second] = (into[second] ?? 0) + 1;
      }
    };
    const underWay = new Set<Promise<void>>();
    const firstMs = startMs + (index * everyMs) / callers;
    for (let sent = 0; sent * everyMs < seconds * 1000;) {
      signal.throwIfAborted();
      for (; firstMs + sent * everyMs <= performance.now(); sent += 1) {
        const asked = one().finally(() => underWay.delete(asked));
        underWay.add(asked);
      }
      await sleep(tickMs);
    }
    await Promise.all(underWay);
    await pool.destroy();
  };
  await Promise.all(counts.map((_, index) => ask(index)));
  return counts;
}

/** 0: there was no answer. */
async function statusOf(pool: Pool): Promise<number> {
  try {
    const { statusCode, body } = await pool.request({
      path: '/',
      method: 'GET',
      headers: { host: hostName },
    });
    await body.dump();
    return statusCode;
  } catch {
    // Counted among the others, and told.
    return 0;
  }
}
