import { purgedPartProblem } from '../../domain/cache/check-cache-rule.ts';
import type { CachePurge, PurgedPart } from '../../domain/cache/cache-rule.ts';
import { withPurge } from '../../domain/cache/purge.ts';
import type { JsonValue } from '../../domain/evidence/canonical-json.ts';
import type { Route } from '../../domain/traffic/routing/route-table.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Recorder } from '../recording/recorder.ts';

/** Stored answers that somebody wants to be gone, and who and why. */
export interface WantedPurge {
  readonly service: string;
  readonly what: PurgedPart;
  readonly by: { readonly who: string; readonly why: string };
}

export type PurgeSaid =
  | { readonly kind: 'recorded'; readonly entry: PurgeEntry }
  | { readonly kind: 'refused'; readonly because: string };

/** A purge as the ledger has it. */
export interface PurgeEntry {
  readonly index: number;
  readonly atMs: number;
  readonly wanted: WantedPurge;
  readonly sentence: string;
}

/**
 * Which stored answers were asked to be removed. Each wish is an entry before anything is done. The routes carry them to every
 * gateway that comes: a table is in force in all processes of one before it is acknowledged, so nobody is answered by what is
 * gone, and an answer that comes late finds that it was fetched before.
 */
export class CacheDesk {
  readonly #recorder: Pick<Recorder, 'record' | 'replay'>;
  readonly #clock: Clock;
  readonly #byService = new Map<string, readonly CachePurge[]>();

  /** With the purges that the ledger has. */
  static async open(
    parts: { readonly recorder: Pick<Recorder, 'record' | 'replay'>; readonly clock: Clock },
    signal: AbortSignal,
  ): Promise<CacheDesk> {
    const desk = new CacheDesk(parts);
    for await (const { data } of parts.recorder.replay(cacheStream, signal)) {
      // Written by `purge` below, and read back as that.
      const { wanted, atMs } = data as unknown as RecordedPurge;
      desk.#take(wanted, atMs);
    }
    return desk;
  }

  private constructor(parts: {
    readonly recorder: Pick<Recorder, 'record' | 'replay'>;
    readonly clock: Clock;
  }) {
    this.#recorder = parts.recorder;
    this.#clock = parts.clock;
  }

  /** In order of time. */
  purgesOf(service: string): readonly CachePurge[] {
    return this.#byService.get(service) ?? [];
  }

  /** With what was asked to be removed of those that keep something. */
  routesWith(routes: readonly Route[]): readonly Route[] {
    return routes.map((route) => {
      const cachePurges = this.purgesOf(route.service);
      const isKept = route.policy?.cache !== undefined && cachePurges.length > 0;
      return isKept ? { ...route, cachePurges } : route;
    });
  }

  /** Resolves when its entry is durable; who asks has the table pushed then. */
  async purge(wanted: WantedPurge, signal: AbortSignal): Promise<PurgeSaid> {
    const problem = purgedPartProblem(wanted.what);
    if (problem !== null) return { kind: 'refused', because: problem };
    const atMs = this.#clock.nowMs();
    const sentence = `purge of ${wanted.service}: ${partWords(wanted.what)}`;
    const { service, by } = wanted;
    const recorded = { action: 'purge-cache', service, wanted, sentence, atMs, by } as const;
    const [place] = await this.#recorder.record(
      {
        stream: cacheStream,
        entries: [
          {
            type: 'operator-action',
            subjects: [],
            idempotencyKey: `purge-cache ${service} ${atMs} ${partWords(wanted.what)}`,
            data: JSON.parse(JSON.stringify(recorded)) as JsonValue,
          },
        ],
        blobs: [],
      },
      signal,
    );
    this.#take(wanted, atMs);
    const index = place?.index ?? -1;
    return { kind: 'recorded', entry: { index, atMs, wanted, sentence } };
  }

  #take({ service, what }: WantedPurge, atMs: number): void {
    this.#byService.set(service, withPurge(this.purgesOf(service), { atMs, what }));
  }
}

/** Stream of the ledger. Apart from the services' own, which are the history that their state is recovered from. */
const cacheStream = 'cache';

interface RecordedPurge {
  readonly wanted: WantedPurge;
  readonly atMs: number;
}

function partWords(what: PurgedPart): string {
  switch (what.kind) {
    case 'all':
      return 'all stored answers';
    case 'tag':
      return `stored answers with the tag ${what.tag}`;
    case 'path':
      return `stored answers to ${what.path}`;
  }
}
