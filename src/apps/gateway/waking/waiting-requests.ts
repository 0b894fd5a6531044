import type { UnderWayReading } from '../../../adapters/gateway/control-message.ts';
import type { WakeRule } from '../../../domain/traffic/wake-rule.ts';
import type { Counter } from '../counters.ts';
import { noAnswer } from '../counters.ts';
import { WakeMetrics } from '../metrics/wake-metrics.ts';
import type { Refusal } from '../refusal.ts';

/** Where a request goes as soon as there is an instance: it has had its turn, and takes no other when it is asked again. */
export interface AwaitedPlace {
  readonly service: string;
  readonly revisionId: string;
  /** See LiveRoutes. */
  readonly requestClass: number;
  readonly rule: WakeRule;
  /** For those that no instance ever got. */
  readonly counter: Counter;
  /** Since when it waits, on the clock of `performance.now()`. */
  readonly sinceMs: number;
}

/** A request that waits. */
export interface Waiter {
  /** Its caller is gone: it is forgotten. */
  readonly leave: () => void;
}

/** Of heads and beginnings of bodies that are kept meanwhile, in one gateway. */
const usualBytesMax = 64 * 1024 * 1024;

/**
 * Requests for revisions that are asleep: those that have no instance until somebody asks for it.
 *
 * - W1. Bounded in number and octets over all revisions' waiters, and each in time. Nothing is read from a caller that waits.
 * - W2. Who wants to start instances hears of the first waiter of a revision at once, and of the others at the next report.
 * - W3. Each goes on once, is refused once, or leaves; in the order in which they came.
 */
export class WaitingRequests {
  /** Set by whoever brings up instances. */
  onFirst = (): void => {};
  readonly metrics = new WakeMetrics();
  readonly #share: number;
  readonly #bytesMax: number;
  readonly #queues = new Map<string, Set<Entry>>();
  #bytes = 0;

  /** `processShare` is this process's part of what all that serve together may keep, in (0, 1]. */
  constructor(processShare = 1, bytesMax = usualBytesMax) {
    this.#share = processShare;
    this.#bytesMax = bytesMax * processShare;
  }

  /**
   * `bytes` is what its caller's connection keeps of it. `goOn` is called later, with null: there may be an instance, ask the
   * routes again with this place; or with why there is none. A refusal: it may not wait.
   */
  wait(
    place: AwaitedPlace,
    bytes: number,
    goOn: (refusal: Refusal | null) => void,
  ): Waiter | Refusal {
    const { rule, revisionId } = place;
    const restMs = place.sinceMs + rule.timeoutMs - performance.now();
    if (restMs <= 0) return this.#refused(place, lateRefusal(place));
    const queue = this.#queues.get(revisionId) ?? new Set<Entry>();
    const requestsMax = Math.max(1, Math.ceil(rule.requestsMax * this.#share));
    if (queue.size >= requestsMax || this.#bytes + bytes > this.#bytesMax) {
      return this.#refused(place, fullRefusal(place));
    }
    const timer = setTimeout(() => {
      if (this.#leave(entry)) goOn(this.#refused(place, lateRefusal(place)));
    }, restMs);
    const entry: Entry = { place, bytes, goOn, timer };
    queue.add(entry);
    this.#queues.set(revisionId, queue);
    this.#bytes += bytes;
    if (queue.size === 1) this.onFirst();
    const leave = (): void => {
      if (this.#leave(entry)) this.metrics.ended(place.service, 'caller-gone');
    };
    return { leave };
  }

  /** Routes have changed: those whose revision is not asleep any more go on. */
  release(asleep: ReadonlySet<string>): void {
    for (const [revisionId, queue] of this.#queues) {
      if (asleep.has(revisionId)) continue;
      const [first] = queue;
      if (first !== undefined) this.metrics.woken(first.place);
      for (const entry of queue) if (this.#leave(entry)) entry.goOn(null);
    }
  }

  /** By revision, in a fixed order. */
  readings(): readonly UnderWayReading[] {
    return [...this.#queues].map(([revisionId, { size }]) => [revisionId, size] as const);
  }

  /** By revision, for people. */
  standing(): readonly { readonly place: AwaitedPlace; readonly waiting: number }[] {
    return [...this.#queues.values()].flatMap((queue) => {
      const [first] = queue;
      return first === undefined ? [] : [{ place: first.place, waiting: queue.size }];
    });
  }

  #leave(entry: Entry): boolean {
    const { place, bytes, timer } = entry;
    const queue = this.#queues.get(place.revisionId);
    if (queue?.delete(entry) !== true) return false;
    if (queue.size === 0) this.#queues.delete(place.revisionId);
    clearTimeout(timer);
    this.#bytes -= bytes;
    return true;
  }

  /** It counts as a request of its revision that nobody answered. */
  #refused(place: AwaitedPlace, refusal: Refusal): Refusal {
    place.counter.count(noAnswer, 0);
    this.metrics.ended(place.service, refusal.reason);
    return refusal;
  }
}

interface Entry {
  readonly place: AwaitedPlace;
  readonly bytes: number;
  readonly goOn: (refusal: Refusal | null) => void;
  readonly timer: NodeJS.Timeout;
}

/** Its instances end again and again before they are ready, so nobody waits for the next one. */
export function failingRefusal(revisionId: string): Refusal {
  const detail = `revision ${revisionId} has no instance, and those that are started end before they are ready`;
  return { status: 503, reason: 'wake-failed', detail };
}

function lateRefusal({ revisionId, rule }: AwaitedPlace): Refusal {
  const detail = `no instance of revision ${revisionId} was ready within ${rule.timeoutMs} ms`;
  return { status: 503, reason: 'wake-timeout', detail };
}

function fullRefusal({ revisionId }: AwaitedPlace): Refusal {
  const detail = `revision ${revisionId} has no instance yet, and as many requests wait for one as may`;
  return { status: 503, reason: 'wake-overflow', detail };
}
