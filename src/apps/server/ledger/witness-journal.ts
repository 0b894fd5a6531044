import type { HeldAlert } from '../../../control/ledger/promotion-anchor.ts';
import type { Recorder } from '../../../control/recording/recorder.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { EventFeed } from '../event-feed.ts';
import { timeText } from '../views/time-text.ts';

/** Stream of the ledger for what witnesses keep waiting. */
const stream = 'witnesses';

/** Writes into the ledger that a promotion waits for witnesses for long, and that it goes on: nobody may be looking. */
export function witnessJournal(parts: {
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly feed: EventFeed;
  readonly log: (level: 'info' | 'error', message: string) => void;
}): (service: string, alert: HeldAlert) => void {
  const { recorder, clock, feed, log } = parts;
  return (service, { decision, sentence }) => {
    const atMs = clock.nowMs();
    const type = 'instance-event' as const;
    const idempotencyKey = `${service}/${decision}/${atMs}`;
    const data = { atMs, service, decision, sentence };
    const entry = { type, subjects: [], idempotencyKey, data };
    const batch = { stream, entries: [entry], blobs: [] };
    recorder.record(batch, new AbortController().signal).then(
      ([place]) => {
        if (place === undefined) return;
        feed.publish({
          index: place.index,
          at: timeText(atMs),
          type,
          service,
          rolloutId: null,
          decision,
          weightPercent: null,
          by: null,
          severity: decision === 'alert' ? 'warning' : 'info',
          sentence,
        });
      },
      (error: unknown) => log('error', `cannot record "${sentence}": ${String(error)}`),
    );
  };
}
