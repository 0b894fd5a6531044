import type {
  ActionPreview,
  PreviewQuery,
  RolloutResource,
  RolloutSamples,
  SamplePoint,
} from '../../api/rollout-wire.ts';
import type { ControlLoop } from '../../control/loop/loop.ts';
import type { RecordedEntry, Recorder } from '../../control/recording/recorder.ts';
import { digestOf, stateInput, streamOfService } from '../../control/recording/recovery.ts';
import { serviceOfRollout, stateAfter } from '../../control/replay/replay.ts';
import { decide } from '../../domain/release/decide.ts';
import {
  activeRollout,
  type Rollout,
  type ServiceState,
} from '../../domain/release/service-state.ts';
import type { Clock } from '../../ports/clock.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';
import { actionOf } from './action-of.ts';
import { HttpProblem } from './http/http-problem.ts';
import { actionPreview } from './views/action-preview.ts';
import type { KnownTraffic } from './views/estimate-view.ts';
import { ongoingEstimate } from './views/ongoing-estimate.ts';
import { rolloutResource } from './views/rollout-resource.ts';
import { livePoint, recordedPoint, thinned } from './views/rollout-samples.ts';

export interface RolloutDeskParts {
  readonly loop: Pick<ControlLoop, 'service' | 'instances'>;
  readonly recorder: Pick<Recorder, 'replay'>;
  readonly store: Pick<LedgerStore, 'blob'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly traffic: (service: string) => KnownTraffic;
}

/** One rollout: the newest of its service as it is, an older one as the ledger has it. Throws HttpProblem 404 for none. */
export class RolloutDesk {
  readonly #parts: RolloutDeskParts;

  constructor(parts: RolloutDeskParts) {
    this.#parts = parts;
  }

  async resource(id: string, signal: AbortSignal): Promise<RolloutResource> {
    const nowMs = this.#parts.clock.nowMs();
    const newest = this.#newest(id);
    if (newest !== null) return rolloutResource(newest.state, newest.rollout, nowMs);
    const { state, atMs } = await this.#past(id, signal);
    if (state.rollout?.id !== id) return noRollout(id);
    return rolloutResource(state, state.rollout, atMs);
  }

  /** From what was recorded as it was judged; of one under way also how it stands now. */
  async samples(id: string, pointsMax: number, signal: AbortSignal): Promise<RolloutSamples> {
    const points: SamplePoint[] = [];
    let isKnown = false;
    for await (const entry of this.#entriesOf(id, signal)) {
      if (!isOfRollout(entry, id)) continue;
      isKnown = true;
      const point = recordedPoint(entry);
      if (point !== null) points.push(point);
    }
    const newest = this.#newest(id);
    if (!isKnown && newest === null) return noRollout(id);
    if (newest !== null && activeRollout(newest.state) !== null) {
      const live = livePoint(newest.state, newest.rollout, this.#parts.clock.nowMs());
      if (live !== null) points.push(live);
    }
    const kept = thinned(points, pointsMax);
    return { rolloutId: id, points: kept, omitted: points.length - kept.length };
  }

  /** Only of the newest rollout of a service: nothing can be done to an older one. */
  preview(id: string, { action, toRevision }: PreviewQuery): ActionPreview {
    const { loop, clock, traffic } = this.#parts;
    const newest = this.#newest(id);
    if (newest === null) {
      const state = loop.service(serviceOfRollout(id));
      if (state?.rollout === null || state === null) return noRollout(id);
      throw new HttpProblem(
        409,
        `${id} is not the newest rollout of ${state.name}, which is ${state.rollout.id}`,
      );
    }
    const { state } = newest;
    const atMs = clock.nowMs();
    const asked = { action, toRevision: toRevision ?? null, override: false };
    const by = { who: 'a preview', why: null };
    const event = {
      kind: 'operate',
      action: actionOf(state, asked, loop.instances),
      by,
      atMs,
    } as const;
    return actionPreview(action, state, decide(state, event), (rollout) =>
      ongoingEstimate(rollout, traffic(state.name), atMs),
    );
  }

  #newest(id: string): { readonly state: ServiceState; readonly rollout: Rollout } | null {
    const state = this.#parts.loop.service(serviceOfRollout(id));
    return state?.rollout?.id === id ? { state, rollout: state.rollout } : null;
  }

  /** As its last entry left it. */
  async #past(
    id: string,
    signal: AbortSignal,
  ): Promise<{ readonly state: ServiceState; readonly atMs: number }> {
    let tail: RecordedEntry[] = [];
    let atMs = 0;
    for await (const entry of this.#entriesOf(id, signal)) {
      tail = digestOf(entry, stateInput) === null ? [...tail, entry] : [entry];
      atMs = entry.observedAtMs;
    }
    const readBlob = (sha256: string) => this.#parts.store.blob(sha256, signal);
    return { state: await stateAfter(tail, serviceOfRollout(id), readBlob), atMs };
  }

  /** Of its service, up to the last one of the rollout: a service has one at a time. */
  async *#entriesOf(id: string, signal: AbortSignal): AsyncGenerator<RecordedEntry> {
    const stream = streamOfService(serviceOfRollout(id));
    let hasBegun = false;
    for await (const entry of this.#parts.recorder.replay(stream, signal)) {
      const isOwn = isOfRollout(entry, id);
      if (hasBegun && !isOwn) return;
      hasBegun ||= isOwn;
      yield entry;
    }
  }
}

function isOfRollout({ data }: RecordedEntry, id: string): boolean {
  if (typeof data !== 'object' || data === null || !('rolloutId' in data)) return false;
  return (data as { readonly rolloutId: unknown }).rolloutId === id;
}

function noRollout(id: string): never {
  const remedy = 'list what there is: tidegate get rollouts';
  throw new HttpProblem(404, `there is no rollout ${JSON.stringify(id)}; ${remedy}`);
}
