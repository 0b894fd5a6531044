import type { WorkersReading } from '../../../adapters/gateway/control-message.ts';
import type { Recorder } from '../../../control/recording/recorder.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { EventFeed } from '../event-feed.ts';
import { timeText } from '../views/time-text.ts';

/** Stream of the ledger for what happens to the gateway itself. */
const stream = 'gateway';

/**
 * Writes the gateway's deaths and returns into the ledger: requests may have been lost then, and nobody reads logs.
 * An entry that cannot be written is told to the log; it must not stop anything.
 */
export function gatewayJournal(parts: {
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly feed: EventFeed;
  readonly log: (level: 'info' | 'error', message: string) => void;
}): (sentence: string) => void {
  const { recorder, clock, feed, log } = parts;
  return (sentence) => {
    log('info', sentence);
    const atMs = clock.nowMs();
    const entry = {
      type: 'instance-event',
      subjects: [],
      idempotencyKey: `${atMs} ${sentence}`,
      data: { atMs, sentence },
    } as const;
    const told = recorder.record(
      { stream, entries: [entry], blobs: [] },
      new AbortController().signal,
    );
    told.then(
      ([place]) => {
        if (place === undefined) return;
        feed.publish({
          index: place.index,
          at: timeText(atMs),
          type: entry.type,
          service: null,
          rolloutId: null,
          decision: null,
          weightPercent: null,
          by: null,
          severity: 'info',
          sentence,
        });
      },
      (error: unknown) => log('error', `cannot record "${sentence}": ${String(error)}`),
    );
  };
}

/** Says each worker of the gateway that is lost, and when all serve again; a connection to another gateway begins anew. */
export function workerJournal(
  journal: (sentence: string) => void,
): (workers: WorkersReading) => void {
  let told: WorkersReading | null = null;
  return (workers) => {
    const { wanted, serving, lost } = workers;
    const before = told;
    told = workers;
    if (before === null) return;
    if (lost > before.lost) {
      const count = lost - before.lost;
      const who = count === 1 ? 'a worker' : `${count} workers`;
      journal(
        `${who} of the gateway ended, and what was held there is lost; ${serving} of ${wanted} serve`,
      );
    } else if (serving === wanted && before.serving < wanted) {
      journal(`all ${wanted} workers of the gateway serve again`);
    }
  };
}
