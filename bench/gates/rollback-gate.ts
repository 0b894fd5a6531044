import { type ArmComparison, compareArms, isWarmAt } from '../../src/domain/gate/arm-comparison.ts';
import { type GateState, logAgainst } from '../../src/domain/gate/gate-state.ts';
import { cutLanes, openIncidentLanes } from '../../src/domain/gate/incident-lanes.ts';
import {
  addScaledToLatencyMetric,
  closeLatencyBlocks,
  type LatencyMetric,
  learnScaledStable,
  openLatencyMetric,
} from '../../src/domain/gate/latency-metric.ts';
import { slowerByRatioOf } from '../../src/domain/gate/latency-scale.ts';
import { openObjectives } from '../../src/domain/gate/objective-evidence.ts';
import { openMixture } from '../../src/domain/gate/onset-mixture.ts';
import { parkAdvice } from '../../src/domain/gate/park.ts';
import { closeRatioBlocks, openRatioMetric } from '../../src/domain/gate/ratio-metric.ts';
import type { GateSettings } from '../../src/domain/release/revision.ts';
import { observationOf } from './observation.ts';
import type { EvidenceSeen } from './rule.ts';
import type { Tick } from './stream.ts';

/**
 * The part of the product's gate that rolls back while there is a control arm: the same functions on the same samples, without what a
 * gate knows besides for promotions and for people (margins, and "not slower", are left empty). Its evidence is that of the whole gate, bit for bit (the study's tests
 * compare the two), at a fraction of the time, so that hundreds of thousands of healthy releases can be judged.
 */
export class RollbackGate {
  #state: ArmComparison & Pick<GateState, 'settings' | 'plannedMs' | 'promises' | 'custom'>;
  #candidateSinceMs: number | null = null;
  #lastAtMs = 0;
  #candidateAlone = 0;
  #peakLog = 0;
  readonly #logFailLimit: number;

  constructor(settings: GateSettings, plannedMs: number) {
    const { incidentMs = 0 } = settings;
    const slowerByRatio = slowerByRatioOf(settings);
    this.#state = {
      settings,
      plannedMs,
      errors: { ...openRatioMetric(settings, 0, plannedMs), margins: [] },
      latency: {
        ...openLatencyMetric(slowerByRatio, 0, plannedMs),
        notSlower: openMixture([], 0, plannedMs),
      },
      incidents: incidentMs === 0 ? null : openIncidentLanes(incidentMs, 0, plannedMs),
      promises: openObjectives([], 0, plannedMs),
      custom: [],
    };
    this.#logFailLimit = -Math.log(settings.falseRollbackRatio);
  }

  take(tick: Tick): void {
    const { atMs } = tick;
    if (tick.candidateRequests === 0 && tick.stableRequests === 0) return;
    this.#lastAtMs = atMs;
    this.#requireControl(tick);
    if (tick.candidateRequests > 0) this.#candidateSinceMs ??= atMs;
    const before = this.#state;
    const isWarm = isWarmAt(before.settings, this.#candidateSinceMs, atMs);
    const compared = compareArms(before, observationOf(tick), { atMs, isWarm });
    const { errors, incidents } = compared;
    const latency = this.#withScaled(compared.latency, tick, isWarm);
    const { settings, plannedMs, promises, custom } = before;
    this.#state = { settings, plannedMs, promises, custom, errors, latency, incidents };
    const isSame =
      errors.worse === before.errors.worse &&
      latency.slower === before.latency.slower &&
      incidents === before.incidents;
    if (!isSame) this.#peakLog = Math.max(this.#peakLog, logAgainst(this.#state));
  }

  #withScaled(
    metric: LatencyMetric,
    { scaledLatency, atMs }: Tick,
    isWarm: boolean,
  ): LatencyMetric {
    if (scaledLatency === null) return metric;
    const { candidate, stable } = scaledLatency;
    const interval = { candidate, stable, key: '' };
    return isWarm
      ? addScaledToLatencyMetric(metric, interval, atMs)
      : learnScaledStable(metric, interval, atMs);
  }

  /** A gate that sees only the candidate for long takes it for alone; that part of it isn't here. */
  #requireControl({ candidateRequests, stableRequests }: Tick): void {
    this.#candidateAlone = stableRequests > 0 ? 0 : this.#candidateAlone + candidateRequests;
    if (this.#candidateAlone < 200) return;
    throw new Error('the candidate is alone: such a release has to be judged by the whole gate');
  }

  closeBlock(): void {
    const { errors, latency, incidents } = this.#state;
    this.#state = {
      ...this.#state,
      errors: closeRatioBlocks(errors),
      latency: closeLatencyBlocks(latency),
      incidents: incidents === null ? null : cutLanes(incidents, this.#lastAtMs),
    };
  }

  /** The highest evidence so far. */
  get peakLogAgainst(): number {
    return this.#peakLog;
  }

  get evidence(): EvidenceSeen {
    return { peakLog: this.#peakLog, log: logAgainst(this.#state) };
  }

  get hasFailed(): boolean {
    return this.#peakLog >= this.#logFailLimit;
  }

  get advice(): 'park' | 'probe' | null {
    const { incidents } = this.#state;
    return incidents === null ? null : (parkAdvice(incidents.park, incidents.errors)?.kind ?? null);
  }
}
