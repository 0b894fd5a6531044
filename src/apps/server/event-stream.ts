import { once } from 'node:events';

import type { EventView } from '../../api/wire.ts';
import type { EventFeed } from './event-feed.ts';

export interface EventStreamParts {
  readonly feed: Pick<EventFeed, 'follow'>;
  /** From an entry on, oldest first. */
  readonly past: (fromIndex: number, signal: AbortSignal) => AsyncIterable<EventView>;
  /** Entries so far. */
  readonly size: () => number;
  readonly isWanted: (event: EventView) => boolean;
  /** Called when the reader is too slow and does not even take the end: its connection has to go. */
  readonly drop: () => void;
  /** Comment lines keep proxies and clients sure that the stream lives. */
  readonly keepAliveMs?: number;
  readonly waitingMax?: number;
  readonly dropAfterMs?: number;
}

/** Where it begins. `resumed`: by the Last-Event-ID of a stream before, which may be of long ago. */
export interface EventStreamStart {
  readonly fromIndex: number;
  readonly isResumed: boolean;
}

/** Events that wait for a reader: some 5 MB. Who is further behind comes again and gets them from the ledger. */
const waitingMax = 10_000;
/** A page that slept for so long is read anew sooner than it is told all that it missed. */
export const resumedMax = 10_000;
const keepAliveMs = 15_000;
const dropAfterMs = 10_000;

/**
 * Server-sent events (HTML standard, section 9.2): past entries first, then each new one; none twice and none left out. A `reset` says
 * that what was seen before no longer leads here: the id is of no entry, or too many came since. An `end` says that the reader was too
 * slow; by its last id it goes on.
 */
export async function* eventStream(
  parts: EventStreamParts,
  start: EventStreamStart,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const waiting: EventView[] = [];
  const wake = new EventTarget();
  let isOver = false;
  using timer = droppingTimer(parts);
  using following = parts.feed.follow((event) => {
    if (isOver) return;
    if (waiting.length >= (parts.waitingMax ?? waitingMax)) {
      isOver = true;
      waiting.length = 0;
      timer.start();
    } else waiting.push(event);
    wake.dispatchEvent(new Event('event'));
  });
  void following;
  const size = parts.size();
  const resetBecause = whyReset(start, size);
  let nextIndex = resetBecause === null ? start.fromIndex : size;
  if (resetBecause !== null) yield resetText(resetBecause, size);
  for await (const event of parts.past(nextIndex, signal)) {
    nextIndex = event.index + 1;
    if (parts.isWanted(event)) yield eventText(event);
  }
  while (!signal.aborted) {
    if (isOver) return yield endText;
    const event = waiting.shift();
    if (event === undefined) {
      const isAwake = await woken(wake, parts.keepAliveMs ?? keepAliveMs, signal);
      yield isAwake ? '' : ': still here\n\n';
    } else if (event.index >= nextIndex && parts.isWanted(event)) {
      yield eventText(event);
    }
  }
}

function droppingTimer({ drop, ...parts }: EventStreamParts) {
  let timer: ReturnType<typeof setTimeout> | null = null;
  return {
    start: (): void => {
      timer = setTimeout(drop, parts.dropAfterMs ?? dropAfterMs);
    },
    [Symbol.dispose]: (): void => {
      if (timer !== null) clearTimeout(timer);
    },
  };
}

/** Null: it goes on where it was. */
function whyReset({ fromIndex, isResumed }: EventStreamStart, size: number): string | null {
  if (!isResumed) return null;
  if (fromIndex > size) return 'the ledger has no entry of this id';
  return size - fromIndex > resumedMax ? `more than ${resumedMax} entries came since` : null;
}

function resetText(reason: string, size: number): string {
  return `event: reset\nid: ${size - 1}\ndata: ${JSON.stringify({ reason, nextIndex: size })}\n\n`;
}

const endText = `event: end\ndata: ${JSON.stringify({ reason: 'too slow: go on from the last id' })}\n\n`;

function eventText(event: EventView): string {
  return `id: ${event.index}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** False after a silence. */
async function woken(wake: EventTarget, forMs: number, signal: AbortSignal): Promise<boolean> {
  const silence = AbortSignal.timeout(forMs);
  try {
    await once(wake, 'event', { signal: AbortSignal.any([signal, silence]) });
    return true;
  } catch {
    // Aborted: either silence, or the stream ends and the caller's loop sees it.
    return false;
  }
}
