import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionRegister } from '../../../control/recording/session-register.ts';
import type { Clock } from '../../../ports/clock.ts';
import { writePrivately } from './private-files.ts';

const fileName = 'session-uses.json';
const keepEveryMs = 60_000;

/** When each session was used last, as it was kept; what cannot be read is as if nothing had been kept. */
export async function readSessionUses(stateFolder: string): Promise<ReadonlyMap<string, number>> {
  const text = await readFile(join(stateFolder, fileName), 'utf8').catch(() => '{}');
  try {
    const parsed: unknown = JSON.parse(text);
    const rows = typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : [];
    return new Map(rows.filter((row): row is [string, number] => Number.isSafeInteger(row[1])));
  } catch {
    // Then sessions that were not used since they were made are over a little early.
    return new Map();
  }
}

/** Keeps them once a minute while something changes, and at the end: a restart must not end who just worked. */
export async function keepSessionUses(
  parts: {
    readonly stateFolder: string;
    readonly sessions: Pick<SessionRegister, 'uses'>;
    readonly clock: Pick<Clock, 'sleep'>;
    readonly onTrouble: (message: string) => void;
  },
  signal: AbortSignal,
): Promise<void> {
  let kept = '{}';
  const keep = async (): Promise<void> => {
    const text = JSON.stringify(Object.fromEntries(parts.sessions.uses));
    if (text === kept) return;
    try {
      await writePrivately(join(parts.stateFolder, fileName), text);
      kept = text;
    } catch (error) {
      parts.onTrouble(`cannot keep when sessions were used: ${String(error)}`);
    }
  };
  while (!signal.aborted) {
    await parts.clock.sleep(keepEveryMs, signal).catch(() => undefined);
    await keep();
  }
}
