/**
 * What instances use beside what they ask for, and what they should ask for (domain/scaling/vertical.ts). It recommends and changes
 * nothing. It is known since the server started, by revision, so that a candidate is seen by itself.
 */
import { scalableRevisions } from '../../domain/release/instance-counts.ts';
import type { Revision } from '../../domain/release/revision.ts';
import {
  openVertical,
  type Recommendation,
  recommend,
  type Resources,
  usualVerticalBounds,
  type VerticalState,
  withOutOfMemory,
  withUse,
} from '../../domain/scaling/vertical.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Instance } from '../../ports/platform.ts';
import { PlatformError } from '../../ports/platform.ts';
import type { InstanceUse, UsageSource } from '../../ports/usage-source.ts';
import type { ControlLoop } from '../loop/loop.ts';

export interface ResourceParts {
  readonly loop: Pick<ControlLoop, 'services' | 'instances'>;
  readonly usage: UsageSource;
  readonly clock: Clock;
}

/** Of one revision; what an instance uses is the mean over those that were sampled last. */
export interface ResourceLook {
  readonly used: Resources;
  readonly recommendation: Recommendation;
  readonly samples: number;
}

const lookEveryMs = 5_000;
/** One sample a minute and instance is what the recommender expects; the first comes sooner, to say anything at all. */
const sampleEveryMs = 60_000;
const firstSampleAfterMs = 10_000;

export class ResourceWatch {
  readonly #parts: ResourceParts;
  readonly #states = new Map<string, VerticalState>();
  readonly #instances = new Map<string, Sampled>();
  /** By instance: ends at its limit of memory that are known already. */
  readonly #ends = new Map<string, number>();

  constructor(parts: ResourceParts) {
    this.#parts = parts;
  }

  /** Null: nothing is known yet. */
  lookOf(revisionId: string): ResourceLook | null {
    const state = this.#states.get(revisionId);
    const recommendation = state === undefined ? null : recommend(state, usualVerticalBounds);
    const uses = [...this.#instances.values()].flatMap((each) =>
      each.revisionId === revisionId && each.used !== null ? [each.used] : [],
    );
    if (state === undefined || recommendation === null || uses.length === 0) return null;
    const mean = (of: (used: Resources) => number) =>
      uses.reduce((sum, used) => sum + of(used), 0) / uses.length;
    const used = {
      cpuCores: mean(({ cpuCores }) => cpuCores),
      memoryBytes: mean(({ memoryBytes }) => memoryBytes),
    };
    return { used, recommendation, samples: state.samples };
  }

  /** Until the signal is aborted; rejects for a defect only. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      await this.#look(signal).catch((error: unknown) => {
        if (!signal.aborted && !(error instanceof PlatformError && error.retryable)) throw error;
      });
      await clock.sleep(lookEveryMs, signal).catch(() => undefined);
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { loop, usage } = this.#parts;
    const revisions = new Map(
      loop.services.flatMap(scalableRevisions).map((each) => [each.id, each]),
    );
    const present = loop.instances.filter(({ revisionId }) => revisions.has(revisionId));
    const serving = present.filter(({ state }) => state === 'ready');
    for (const id of this.#ends.keys()) {
      if (!present.some((each) => each.id === id)) this.#ends.delete(id);
    }
    for (const each of present) this.#seeEnds(each);
    this.#retain(new Set(revisions.keys()), new Set(serving.map(({ id }) => id)));
    if (serving.length === 0) return;
    const uses = new Map((await usage.usage(signal)).map((use) => [use.instanceId, use]));
    for (const { id, revisionId } of serving) {
      const use = uses.get(id);
      const revision = revisions.get(revisionId);
      if (use !== undefined && revision !== undefined) this.#see(revision, use);
    }
  }

  /** It would have used more than it was let, so what is recommended is raised at once, as the recommender does. */
  #seeEnds({ id: instanceId, revisionId, outOfMemory }: Instance): void {
    if (outOfMemory === undefined || outOfMemory.count <= (this.#ends.get(instanceId) ?? 0)) return;
    this.#ends.set(instanceId, outOfMemory.count);
    const { atMs, memoryBytes: bytes } = outOfMemory;
    const before = this.#states.get(revisionId) ?? openVertical(atMs);
    this.#states.set(revisionId, withOutOfMemory(before, { atMs, instanceId, bytes }));
  }

  #see(revision: Revision, use: InstanceUse): void {
    const { instanceId, measuredAtMs: atMs, startedAtMs, cpuSeconds, memoryBytes } = use;
    const known = this.#instances.get(instanceId);
    const last = known?.last.startedAtMs === startedAtMs ? known.last : null;
    if (known === undefined || last === null) {
      this.#instances.set(instanceId, { revisionId: revision.id, last: use, used: null });
      return;
    }
    const sinceMs = atMs - last.measuredAtMs;
    if (sinceMs < (known.used === null ? firstSampleAfterMs : sampleEveryMs)) return;
    const cpuCores = Math.max(0, (1000 * (cpuSeconds - last.cpuSeconds)) / sinceMs);
    const used = { cpuCores, memoryBytes };
    const before = this.#states.get(revision.id) ?? openVertical(atMs);
    const requestedCpuCores = revision.requests?.cpuCores ?? cpuCores;
    this.#states.set(revision.id, withUse(before, { atMs, instanceId, used, requestedCpuCores }));
    this.#instances.set(instanceId, { revisionId: revision.id, last: use, used });
  }

  #retain(revisionIds: ReadonlySet<string>, instanceIds: ReadonlySet<string>): void {
    for (const id of this.#states.keys()) if (!revisionIds.has(id)) this.#states.delete(id);
    for (const id of this.#instances.keys()) if (!instanceIds.has(id)) this.#instances.delete(id);
  }
}

interface Sampled {
  readonly revisionId: string;
  readonly last: InstanceUse;
  /** Between the last two samples; null: there was only one. */
  readonly used: Resources | null;
}
