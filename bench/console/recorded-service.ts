import { entryBatch } from '../../src/control/recording/entry-batch.ts';
import type { RecordBatch } from '../../src/control/recording/recorder-draft.ts';
import { ServiceLane, type UntimedEvent } from '../../src/control/loop/service-lane.ts';
import type { Effect } from '../../src/domain/release/effect.ts';
import type { RevisionInstances } from '../../src/domain/release/event.ts';
import type { Revision, ServiceSpec } from '../../src/domain/release/revision.ts';
import type { ServiceState } from '../../src/domain/release/service-state.ts';

/** More effects than any plan here orders. */
const effectsMax = 100;

/**
 * One service whose life the decider itself decides, in a world where every order is done at once. What it leaves is what a
 * server leaves in its ledger: the entries, the events each was decided from, and the state after it.
 */
export class RecordedService {
  readonly batches: RecordBatch[] = [];
  readonly #lane: ServiceLane;
  readonly #running = new Map<string, number>();
  readonly #isReady: boolean;
  #nowMs: number;

  constructor(
    name: string,
    life: {
      readonly startedAtMs: number;
      /** Whether its instances ever become ready. */
      readonly isReady: boolean;
    },
  ) {
    this.#lane = new ServiceLane(name);
    this.#isReady = life.isReady;
    this.#nowMs = life.startedAtMs;
  }

  get state(): ServiceState {
    return this.#lane.state;
  }

  apply(spec: ServiceSpec, who: string): void {
    this.#take({ kind: 'apply', spec, by: { who, why: null } });
  }

  abort(who: string, why: string): void {
    this.#take({ kind: 'operate', action: { kind: 'abort' }, by: { who, why } });
  }

  /** Its last request is long ago, so no instance is wanted. */
  fallAsleep({ id: revisionId }: Revision): void {
    const sentence = 'no request for 60 s';
    const arm = { revisionId, instances: 0, sentence, needs: null };
    this.#take({ kind: 'scale', arms: [arm] });
  }

  /** A candidate that scales gets its share when it is known what there is to carry: next to nothing. */
  lookAtLoad(): void {
    const { rollout } = this.state;
    const arms = [rollout?.stable, rollout?.candidate].flatMap((revision) => {
      if (revision === undefined || revision === null) return [];
      return [
        { revisionId: revision.id, instances: 1, sentence: 'it has few requests', needs: [] },
      ];
    });
    this.#take({ kind: 'scale', arms });
    this.#take({ kind: 'tick' });
  }

  /** What the gateway would have counted in one interval: `failures` of the candidate's requests, and none of stable's. */
  serve(requests: number, failures: number): void {
    const { rollout } = this.state;
    if (rollout?.stable === null || rollout?.stable === undefined) return;
    const counts = [
      countOf(rollout.candidate.id, requests, failures),
      countOf(rollout.stable.id, requests, 0),
    ];
    const { name } = this.state;
    const sample = { atMs: this.#nowMs, service: name, isCatchUp: false, counts };
    this.#take({ kind: 'sample', sample });
  }

  #take(first: UntimedEvent): void {
    const queue = [first];
    for (let taken = 0; taken < effectsMax; taken += 1) {
      const event = queue.shift();
      if (event === undefined) return;
      this.#nowMs += 400;
      const { record, effects } = this.#lane.take(event, this.#nowMs);
      if (record === null) continue;
      const events = this.#lane.drainEvents();
      this.batches.push(entryBatch({ record, events, state: this.#lane.state }));
      queue.push(...effects.flatMap((effect) => this.#done(effect)));
    }
    throw new Error(`${this.state.name} goes on without end`);
  }

  #done(effect: Effect): readonly UntimedEvent[] {
    const done = { kind: 'effect-done', key: effect.key } as const;
    if (effect.kind === 'ensure-instances') this.#running.set(effect.revision.id, effect.count);
    if (effect.kind === 'stop-instances') this.#running.delete(effect.revision.id);
    if (effect.kind === 'set-traffic') return [done];
    const revisions = [...this.#running].flatMap(([revisionId, count]) =>
      count === 0 ? [] : [seenOf(revisionId, count, this.#isReady)],
    );
    return [done, { kind: 'instances', revisions }];
  }
}

function seenOf(revisionId: string, total: number, isReady: boolean): RevisionInstances {
  const reason = isReady ? null : 'GET /readyz answered 503';
  return { revisionId, ready: isReady ? total : 0, total, restarts: 0, reason };
}

function countOf(revisionId: string, requests: number, failures: number) {
  const byStatusClass = [0, requests - failures, 0, 0, failures, 0];
  const instanceId = `${revisionId}-1`;
  return { revisionId, isMatched: false, instanceId, byStatusClass, latency: [] };
}
