import { setImmediate as othersTurn } from 'node:timers/promises';

import { parseReleaseFiles, type ReleaseFile } from '../../api/release-file/parse-release-files.ts';
import type { Problem } from '../../api/release-file/problem.ts';
import type {
  ActionRequest,
  ApplyRequest,
  ApplyResult,
  EventView,
  LedgerInput,
  RolloutReplayView,
  RolloutSummaryView,
  ServiceView,
} from '../../api/wire.ts';
import type { EstimateResponse } from '../../api/estimate-wire.ts';
import type { RolloutItem, RolloutListQuery } from '../../api/rollout-list-wire.ts';
import type { FaultDesk } from '../../control/desks/fault-desk.ts';
import type { ControlLoop } from '../../control/loop/loop.ts';
import type { InstanceScaler } from '../../control/scaling/instance-scaler.ts';
import type { Recorder } from '../../control/recording/recorder.ts';
import type { ResourceWatch } from '../../control/scaling/resource-watch.ts';
import { replayRollout, serviceOfRollout } from '../../control/replay/replay.ts';
import { replaySummary } from '../../control/replay/replay-summary.ts';
import { streamOfService } from '../../control/recording/recovery.ts';
import { decide } from '../../domain/release/decide.ts';
import type { Hand } from '../../domain/release/event.ts';
import type { ServiceSpec } from '../../domain/release/revision.ts';
import {
  activeRollout,
  type Decision,
  emptyService,
  type ServiceState,
  stableOf,
} from '../../domain/release/service-state.ts';
import type { Clock } from '../../ports/clock.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';
import { actionOf } from './action-of.ts';
import { readReleaseFiles } from './release-files/apply-files.ts';
import { estimateView, type KnownTraffic } from './views/estimate-view.ts';
import { eventView } from './views/event-view.ts';
import { faultView } from './http/http-fault-routes.ts';
import { HttpProblem } from './http/http-problem.ts';
import { asConflict, requireVersion, versionOf } from './stale-version.ts';
import type { Page } from './views/list-page.ts';
import { ongoingEstimate } from './views/ongoing-estimate.ts';
import type { RateMeter } from './rate-meter.ts';
import type { InputSources } from './release-files/read-run-inputs.ts';
import { rolloutPage } from './views/rollout-list.ts';
import { serviceSpecOf } from './release-files/service-spec.ts';
import { diffSpecs } from './views/spec-diff.ts';
import { resourcesViews } from './views/resources-view.ts';
import { scalingViews } from './views/scaling-view.ts';
import { serviceView, summaryView } from './views/views.ts';

/** What the API can ask for, in the API's shapes. Throws HttpProblem for what cannot be answered. */
export class ControlPlane {
  readonly #loop: ControlLoop;
  readonly #faults: Pick<FaultDesk, 'active'>;
  readonly #heldBy: (service: string) => string | null;
  readonly #scaler: Pick<InstanceScaler, 'lookOf'>;
  readonly #resources: Pick<ResourceWatch, 'lookOf'>;
  readonly #recorder: Recorder;
  readonly #store: Pick<LedgerStore, 'blob'>;
  readonly #clock: Clock;
  readonly #meter: RateMeter;
  readonly #version: string;
  readonly #environmentName: string | null;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #inputs: InputSources;

  constructor(parts: {
    readonly loop: ControlLoop;
    readonly faults: Pick<FaultDesk, 'active'>;
    /** Why a promotion waits for witnesses; null: it does not. */
    readonly heldBy: (service: string) => string | null;
    readonly scaler: Pick<InstanceScaler, 'lookOf'>;
    readonly resources: Pick<ResourceWatch, 'lookOf'>;
    readonly recorder: Recorder;
    readonly store: Pick<LedgerStore, 'blob'>;
    readonly clock: Clock;
    readonly meter: RateMeter;
    /** Of this program. */
    readonly version: string;
    /** The server's own. */
    /** Null: it has none. */
    readonly environmentName: string | null;
    readonly environment: Readonly<Record<string, string | undefined>>;
    /** Where secrets are read and config files kept. */
    readonly inputs: InputSources;
  }) {
    this.#loop = parts.loop;
    this.#faults = parts.faults;
    this.#heldBy = parts.heldBy;
    this.#scaler = parts.scaler;
    this.#resources = parts.resources;
    this.#recorder = parts.recorder;
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#meter = parts.meter;
    this.#version = parts.version;
    this.#environmentName = parts.environmentName;
    this.#environment = parts.environment;
    this.#inputs = parts.inputs;
  }

  services(): ServiceView[] {
    const nowMs = this.#clock.nowMs();
    return this.#loop.services
      .flatMap((state) => serviceView(state, this.#loop.instances, nowMs) ?? [])
      .map((view) => this.#withHold(view))
      .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  service(name: string): ServiceView {
    const seen = serviceView(this.#state(name), this.#loop.instances, this.#clock.nowMs());
    if (seen === null) return notFound(name);
    const view = this.#withHold(seen);
    const faults = this.#faults.active.filter(({ service }) => service === name).map(faultView);
    if (faults.length === 0) return view;
    return { ...view, status: { ...view.status, faults } };
  }

  /** The decider has promoted it; what it waits for is known to the desk alone. */
  #withHold(seen: ServiceView): ServiceView {
    const view = this.#withScaling(seen);
    const held = this.#heldBy(view.metadata.name);
    if (held === null) return view;
    const { status } = view;
    return { ...view, status: { ...status, sentence: `${held}; ${status.sentence}` } };
  }

  #withScaling(view: ServiceView): ServiceView {
    const state = this.#state(view.metadata.name);
    const scaling = scalingViews(state, (revisionId) => this.#scaler.lookOf(revisionId));
    const resources = resourcesViews(state, (revisionId) => this.#resources.lookOf(revisionId));
    const status = {
      ...view.status,
      ...(scaling.length === 0 ? {} : { scaling }),
      ...(resources.length === 0 ? {} : { resources }),
    };
    return { ...view, status };
  }

  isKnown(name: string): boolean {
    return this.#loop.service(name) !== null;
  }

  /** Also services that were deleted: what they left can be read. */
  requireKnown(name: string): void {
    this.#state(name);
  }

  rollouts(query: RolloutListQuery, sees: (service: string) => boolean): Page<RolloutItem> {
    return rolloutPage(this.#loop.services, query, { sees, nowMs: this.#clock.nowMs() });
  }

  history(name: string): RolloutSummaryView[] {
    return this.#state(name).history.map(summaryView);
  }

  /** All files or none: nothing is submitted when one problem was found. */
  async apply(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult[]> {
    const specs = await this.#read(request.files);
    const by: Hand = { who: request.who, why: request.why };
    const results: ApplyResult[] = [];
    const stateOf = (name: string) => this.#loop.service(name) ?? emptyService(name);
    const wanted = (name: string) => versionOf(request.resourceVersions?.[name]);
    for (const { name } of specs) requireVersion(stateOf(name), wanted(name));
    for (const spec of specs) {
      const before = stateOf(spec.name);
      const event = { kind: 'apply', spec, by } as const;
      const decision = request.dryRun
        ? decide(before, { ...event, atMs: this.#clock.nowMs() })
        : await this.#loop.submit(spec.name, event, signal, wanted(spec.name)).catch(asConflict);
      results.push(applyResult(spec, before, decision));
    }
    return results;
  }

  async act(name: string, request: ActionRequest, signal: AbortSignal): Promise<string> {
    const state = this.#state(name);
    if (state.spec === null || state.isDeleted) return notFound(name);
    const by: Hand = { who: request.who, why: request.why };
    const action = actionOf(state, request, this.#loop.instances);
    const onlyAt = versionOf(request.resourceVersion);
    const event = { kind: 'operate', action, by } as const;
    const decision = await this.#loop.submit(name, event, signal, onlyAt).catch(asConflict);
    const sentence = decision.record?.sentence ?? 'nothing changed';
    if (decision.record?.decision === 'refuse') throw new HttpProblem(409, sentence);
    return sentence;
  }

  async events(
    query: { readonly fromIndex: number; readonly service: string | null },
    signal: AbortSignal,
  ): Promise<EventView[]> {
    return Array.fromAsync(this.eventsFrom(query, signal));
  }

  /** Oldest first, read as they are taken. */
  async *eventsFrom(
    query: { readonly fromIndex: number; readonly service: string | null },
    signal: AbortSignal,
  ): AsyncGenerator<EventView> {
    const { fromIndex, service } = query;
    const entries =
      service === null
        ? this.#recorder.replayFrom(fromIndex, signal)
        : this.#recorder.replay(streamOfService(service), signal);
    for await (const entry of entries) if (entry.index >= fromIndex) yield eventView(entry);
  }

  async replay(rolloutId: string, signal: AbortSignal): Promise<RolloutReplayView> {
    const stream = streamOfService(serviceOfRollout(rolloutId));
    const entries = this.#recorder.replay(stream, signal);
    const replay = await replayRollout(rolloutId, entries, async (sha256) => {
      // A long rollout has many events; the loop, which decides for users, has its turn between two entries.
      await othersTurn();
      return this.#store.blob(sha256, signal);
    });
    if (replay !== null) return replaySummary(replay, this.#version);
    const remedy = 'list what there is: tidegate get rollouts';
    throw new HttpProblem(404, `there is no rollout ${JSON.stringify(rolloutId)}; ${remedy}`);
  }

  /** What entries were decided from; a back-test decides on it elsewhere, so that this loop has its time for users. */
  async input(sha256: string, signal: AbortSignal): Promise<LedgerInput> {
    const bytes = await this.#store.blob(sha256, signal);
    return { sha256, base64: bytes === null ? null : Buffer.from(bytes).toString('base64') };
  }

  async estimate(request: {
    readonly files: readonly ReleaseFile[];
    readonly requestsPerSecond: number | null;
    readonly baseErrorRatio: number | null;
  }): Promise<EstimateResponse['items']> {
    const parsed = parseReleaseFiles(request.files);
    if (parsed.problems.length > 0) throw refusedFiles(parsed.problems);
    return parsed.services
      .map((each) => serviceSpecOf(each))
      .map((spec) => {
        const known = this.traffic(spec.name);
        return estimateView(spec, {
          ...known,
          change: request.requestsPerSecond === null ? known.change : null,
          requestsPerSecond: request.requestsPerSecond ?? known.requestsPerSecond,
          baseErrorRatio: request.baseErrorRatio ?? known.baseErrorRatio,
        });
      });
  }

  /** `name`: a service with a rollout under way, or that rollout. */
  estimateOngoing(name: string): EstimateResponse['items'] {
    const state = this.#loop.service(name) ?? this.#loop.service(serviceOfRollout(name));
    const rollout = state === null ? null : activeRollout(state);
    const isNamed = rollout !== null && [rollout.id, rollout.candidate.service].includes(name);
    if (isNamed) {
      const traffic = this.traffic(rollout.candidate.service);
      return [ongoingEstimate(rollout, traffic, this.#clock.nowMs())];
    }
    if (state === null) return notFound(name);
    const what = rollout === null ? 'no rollout' : `${rollout.id}, not ${name},`;
    const remedy = 'before a rollout, estimate its file: tidegate estimate -f FILE';
    throw new HttpProblem(409, `${what} of ${state.name} is under way; ${remedy}`);
  }

  /** What is known of its load, for estimates. */
  traffic(service: string): KnownTraffic {
    const nowMs = this.#clock.nowMs();
    const seen = this.#meter.rate(service, nowMs);
    const change = this.#meter.change(service, nowMs);
    const state = this.#loop.service(service);
    const stable = state === null ? null : stableOf(state);
    const latency = this.#loop.stableSeen(service, nowMs)?.latency ?? null;
    return {
      requestsPerSecond: change?.later ?? seen?.requestsPerSecond ?? null,
      baseErrorRatio: seen?.errorRatio ?? null,
      change,
      stableInstances: stable?.instances ?? null,
      latency: latency?.some((count) => count > 0) === true ? latency : null,
    };
  }

  async #read(files: readonly ReleaseFile[]): Promise<readonly ServiceSpec[]> {
    const known = {
      applied: this.#loop.services,
      environment: this.#environment,
      inputs: this.#inputs,
      environmentName: this.#environmentName,
    };
    const read = await readReleaseFiles(files, known);
    if (read.kind === 'refused') throw refusedFiles(read.problems);
    return read.specs;
  }

  #state(name: string): ServiceState {
    return this.#loop.service(name) ?? notFound(name);
  }
}

function applyResult(spec: ServiceSpec, before: ServiceState, decision: Decision): ApplyResult {
  const { record, state } = decision;
  return {
    service: spec.name,
    outcome: outcomeOf(decision),
    rolloutId: state.rollout?.id ?? null,
    revisionId: spec.revision.id,
    sentence: record?.sentence ?? `${spec.name} is as the file says`,
    diff: diffSpecs(before.isDeleted ? null : before.spec, spec),
  };
}

function outcomeOf({ record }: Decision): ApplyResult['outcome'] {
  if (record?.decision === 'start') return 'started';
  if (record?.decision === 'update') return 'updated';
  return record?.decision === 'refuse' ? 'refused' : 'unchanged';
}

function refusedFiles(problems: readonly Problem[]): HttpProblem {
  const detail = `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in the release files; nothing was applied`;
  return new HttpProblem(422, detail, [...problems]);
}

function notFound(name: string): never {
  throw new HttpProblem(404, `there is no service ${JSON.stringify(name)}`);
}
