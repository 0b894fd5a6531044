import type { MemoryMachine } from '../../src/adapters/memory/memory-platform.ts';
import type { MemoryRouter } from '../../src/adapters/memory/memory-router.ts';
import { viewOf } from '../../src/adapters/memory/memory-instance.ts';
import type { Backend, Route } from '../../src/domain/traffic/routing/route-table.ts';
import type {
  InstanceCount,
  TrafficSample,
} from '../../src/domain/traffic/samples/traffic-sample.ts';
import type { MetricsSource } from '../../src/ports/metrics-source.ts';
import { Random } from './random.ts';
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
  readonly seed: number;
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
  readonly #turns = new Map<string, number>();
  /** Start of each instance's newest or next incident. */
  readonly #incidentAtMs = new Map<string, number>();
  readonly #incidentRandom: Random;
  readonly #missed = new Map<string, InstanceCount[]>();

  constructor(parts: DataPlaneParts) {
    this.#parts = parts;
    this.#incidentRandom = new Random(parts.seed);
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
      const { revisionId, weightPercent } = backend;
      const share = this.#whole(revisionId, ((requests - matched) * weightPercent) / 100);
      counts.push(...this.#count(service, backend, { requests: share, isMatched: false }));
      if (match?.revisionId === revisionId) {
        counts.push(...this.#count(service, backend, { requests: matched, isMatched: true }));
      }
    }
    return counts;
  }

  /** Whole requests, the rest kept for the next interval, so that 0.1 % of 20 requests/s comes to one in 50 s. */
  #whole(key: string, requests: number): number {
    const sum = requests + (this.#carry.get(key) ?? 0);
    const whole = Math.floor(sum + 1e-9);
    this.#carry.set(key, sum - whole);
    return whole;
  }

  /** The instances in turn, as the router does, going on where it was the interval before. */
  #count(
    service: ServiceScenario,
    { revisionId, endpoints }: Backend,
    sent: { readonly requests: number; readonly isMatched: boolean },
  ): readonly InstanceCount[] {
    const { isMatched } = sent;
    if (sent.requests === 0) return [];
    this.#firstRequestAtMs.set(revisionId, this.#firstAtMs(revisionId));
    if (endpoints.length === 0) {
      const byStatusClass = [0, 0, 0, 0, 0, sent.requests];
      return [{ revisionId, isMatched, instanceId: '', byStatusClass, latency: [] }];
    }
    const turn = this.#turns.get(revisionId) ?? 0;
    this.#turns.set(revisionId, (turn + sent.requests) % endpoints.length);
    const each = Math.floor(sent.requests / endpoints.length);
    return endpoints.flatMap(({ instanceId }, index) => {
      const place = (index - turn + endpoints.length) % endpoints.length;
      const requests = each + (place < sent.requests % endpoints.length ? 1 : 0);
      if (requests === 0) return [];
      return [this.#answers(service, { revisionId, instanceId, requests, isMatched })];
    });
  }

  #answers(
    service: ServiceScenario,
    sent: Pick<InstanceCount, 'revisionId' | 'instanceId' | 'isMatched'> & { requests: number },
  ): InstanceCount {
    const { random, witness } = this.#parts;
    const { requests, ...count } = sent;
    const { revisionId, instanceId, isMatched } = sent;
    const answered = this.#isReady(instanceId) ? requests : 0;
    const failing = this.#failingRatio(service, revisionId, instanceId);
    const ratio = this.#isInIncident(service, instanceId) ? 1 : (failing ?? service.baseRatio);
    const failed = random.binomial(answered, ratio);
    // Requests sent by a match are no evidence, by design: their callers chose.
    if (failing !== null && failed > 0 && !isMatched) {
      witness.note({ kind: 'harm', revisionId, requests: failed });
    }
    const byStatusClass = [0, answered - failed, 0, 0, failed, requests - answered];
    return { ...count, byStatusClass, latency: [] };
  }

  /** Null: it fails no more than others. */
  #failingRatio(service: ServiceScenario, revisionId: string, instanceId: string): number | null {
    const behaviour = service.behaviours.get(revisionId);
    if (behaviour?.kind === 'bad-instance') return instanceId === `${revisionId}-1` ? 1 : null;
    if (behaviour?.kind !== 'failing') return null;
    const ageMs = this.#parts.time.nowMs - this.#firstAtMs(revisionId);
    return ageMs >= behaviour.afterMs ? behaviour.ratio : null;
  }

  #firstAtMs(revisionId: string): number {
    return this.#firstRequestAtMs.get(revisionId) ?? this.#parts.time.nowMs;
  }

  /** Waits between incidents are exponential, so that they come as little together as chance has it. */
  #isInIncident({ incidents }: ServiceScenario, instanceId: string): boolean {
    if (incidents === null) return false;
    const { nowMs } = this.#parts.time;
    const nextAtMs = (fromMs: number): number =>
      fromMs - Math.log(1 - this.#incidentRandom.next()) * incidents.everyMs;
    let atMs = this.#incidentAtMs.get(instanceId) ?? nextAtMs(nowMs);
    while (nowMs >= atMs + incidents.lastMs) atMs = nextAtMs(atMs + incidents.lastMs);
    this.#incidentAtMs.set(instanceId, atMs);
    return nowMs >= atMs;
  }

  /** The table may be older than the last crash of an instance. */
  #isReady(instanceId: string): boolean {
    const { machine, time } = this.#parts;
    const instance = machine.instances.get(instanceId);
    if (instance === undefined) return false;
    return viewOf(instance, machine.scriptOf(instance.revision.id), time.nowMs).state === 'ready';
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
    if (isFaultOn('metrics-impossible')) {
      const impossible = counts.map((each) => ({ ...each, byStatusClass: [0, -1, 0, 0, 2, 0] }));
      this.#emit({ atMs: time.nowMs, service: name, counts: impossible, isCatchUp: false });
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
