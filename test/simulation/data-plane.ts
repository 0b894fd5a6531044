import type { MemoryMachine } from '../../src/adapters/memory/memory-platform.ts';
import type { MemoryRouter } from '../../src/adapters/memory/memory-router.ts';
import { viewOf } from '../../src/adapters/memory/memory-instance.ts';
import type { Backend, Route } from '../../src/domain/traffic/route-table.ts';
import type { InstanceCount, TrafficSample } from '../../src/domain/traffic/traffic-sample.ts';
import type { MetricsSource } from '../../src/ports/metrics-source.ts';
import type { Random } from './random.ts';
import type { FaultKind, ServiceScenario } from './scenario.ts';
import type { VirtualTime } from './virtual-clock.ts';
import type { Witness } from './witness.ts';

/** Share of callers that send the header of a match. */
const matchedRatio = 0.02;

export interface DataPlaneParts {
  readonly time: VirtualTime;
  readonly startMs: number;
  readonly router: MemoryRouter;
  readonly machine: MemoryMachine;
  readonly random: Random;
  readonly witness: Witness;
  readonly services: readonly ServiceScenario[];
  readonly isFaultOn: (kind: FaultKind) => boolean;
}

/**
 * Users and their requests: each interval's are split by the table in force and end as the revisions really behave. It
 * counts by the interval and not by the request, so that 1,000 requests/s cost as much as 1; the router's own split
 * request by request has its own tests.
 */
export class DataPlane implements MetricsSource {
  readonly #parts: DataPlaneParts;
  readonly #listeners = new Set<(sample: TrafficSample) => void>();
  readonly #carry = new Map<string, number>();
  readonly #firstRequestAtMs = new Map<string, number>();
  readonly #missed = new Map<string, InstanceCount[]>();

  constructor(parts: DataPlaneParts) {
    this.#parts = parts;
  }

  subscribe(listener: (sample: TrafficSample) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** The observer has died. */
  forget(): void {
    this.#listeners.clear();
  }

  serve(intervalMs: number): void {
    const { machine, time, services, router } = this.#parts;
    machine.moveTo(time.nowMs);
    for (const service of services) {
      const route = router.table?.routes.find((each) => each.service === service.name);
      const requests = (service.requestsPerSecond * intervalMs) / 1000;
      if (route === undefined || requests === 0) continue;
      this.#tell(service, this.#counts(service, route, requests));
    }
  }

  #counts(service: ServiceScenario, route: Route, requests: number): readonly InstanceCount[] {
    const counts: InstanceCount[] = [];
    const [match] = route.matches;
    const matched = match === undefined ? 0 : Math.round(requests * matchedRatio);
    for (const backend of route.backends) {
      const share = this.#whole(backend, ((requests - matched) * backend.weightPercent) / 100);
      if (share > 0)
        counts.push(this.#count(service, backend, { requests: share, isMatched: false }));
      if (match?.revisionId === backend.revisionId && matched > 0) {
        counts.push(this.#count(service, backend, { requests: matched, isMatched: true }));
      }
    }
    return counts;
  }

  /** Whole requests, the rest kept for the next interval, so that 0.1 % of 20 requests/s comes to one in 50 s. */
  #whole({ revisionId }: Backend, requests: number): number {
    const sum = requests + (this.#carry.get(revisionId) ?? 0);
    const whole = Math.floor(sum + 1e-9);
    this.#carry.set(revisionId, sum - whole);
    return whole;
  }

  #count(
    service: ServiceScenario,
    backend: Backend,
    sent: { readonly requests: number; readonly isMatched: boolean },
  ): InstanceCount {
    const { random, witness, time } = this.#parts;
    const { revisionId, endpoints } = backend;
    const { requests, isMatched } = sent;
    const firstAtMs = this.#firstRequestAtMs.get(revisionId) ?? time.nowMs;
    this.#firstRequestAtMs.set(revisionId, firstAtMs);
    const behaviour = service.behaviours.get(revisionId);
    const isFailing = behaviour?.kind === 'failing' && time.nowMs - firstAtMs >= behaviour.afterMs;
    const answered = Math.round(requests * this.#readyRatio(backend));
    const failed = random.binomial(answered, isFailing ? behaviour.ratio : service.baseRatio);
    // Requests sent by a match are no evidence, by design: their callers chose.
    if (isFailing && failed > 0 && !isMatched)
      witness.note({ kind: 'harm', revisionId, requests: failed });
    return {
      revisionId,
      isMatched,
      instanceId: endpoints[0]?.instanceId ?? '',
      byStatusClass: [0, answered - failed, 0, 0, failed, requests - answered],
      latency: [],
    };
  }

  /** Share of the table's endpoints that still answer: the table may be older than the last crash of an instance. */
  #readyRatio({ endpoints }: Backend): number {
    if (endpoints.length === 0) return 0;
    const { machine, time } = this.#parts;
    const ready = endpoints.filter(({ instanceId }) => {
      const instance = machine.instances.get(instanceId);
      if (instance === undefined) return false;
      return viewOf(instance, machine.scriptOf(instance.revision.id), time.nowMs).state === 'ready';
    });
    return ready.length / endpoints.length;
  }

  #tell(service: ServiceScenario, counts: readonly InstanceCount[]): void {
    const { isFaultOn, time } = this.#parts;
    const { name } = service;
    const missed = this.#missed.get(name) ?? [];
    if (isFaultOn('metrics-lost') || this.#listeners.size === 0) {
      this.#missed.set(name, [...missed, ...counts].slice(-64));
      return;
    }
    if (isFaultOn('metrics-empty')) {
      this.#emit({ atMs: time.nowMs, service: name, counts: [], isCatchUp: false });
      return;
    }
    if (missed.length > 0) {
      this.#missed.delete(name);
      this.#emit({ atMs: time.nowMs, service: name, counts: missed, isCatchUp: true });
    }
    this.#emit({ atMs: time.nowMs, service: name, counts, isCatchUp: false });
  }

  #emit(sample: TrafficSample): void {
    for (const listener of this.#listeners) listener(sample);
  }
}
