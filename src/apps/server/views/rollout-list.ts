import type { RolloutItem, RolloutListQuery } from '../../../api/rollout-list-wire.ts';
import type { ServiceView } from '../../../api/wire.ts';
import type { Rollout, ServiceState } from '../../../domain/release/service-state.ts';
import { type ListKey, type Page, pageOf } from './list-page.ts';
import { resourceMetadata } from './resource-metadata.ts';
import { rolloutView, servicePhase } from './views.ts';

type Phase = ServiceView['status']['phase'];

/** What needs somebody, before what goes on by itself, before what is at rest. */
const ranks: Readonly<Record<Phase, number>> = {
  Parked: 0,
  RolledBack: 1,
  Waiting: 2,
  Paused: 3,
  Progressing: 4,
  Starting: 5,
  Stable: 6,
};

interface Seen {
  readonly state: ServiceState;
  readonly rollout: Rollout;
  readonly phase: Phase;
}

/** The newest rollout of each service that `sees` lets be shown. Only those of the page are worked out in full. */
export function rolloutPage(
  services: readonly ServiceState[],
  query: RolloutListQuery,
  { sees, nowMs }: { readonly sees: (service: string) => boolean; readonly nowMs: number },
): Page<RolloutItem> {
  const { sort: order, limit, phase: phases, name } = query;
  const keyed = services.flatMap((state) => {
    const { rollout } = state;
    if (rollout === null || state.spec === null || state.isDeleted) return [];
    if (name !== undefined && !state.name.includes(name)) return [];
    const phase = servicePhase(state, nowMs);
    if (phases !== undefined && !phases.includes(phase)) return [];
    const seen = { state, rollout, phase };
    return [{ key: keyOf(seen, order), item: seen }];
  });
  const cursor = query.continue ?? null;
  const page = pageOf(keyed, ({ state }) => sees(state.name), { limit, cursor, order });
  return { ...page, items: page.items.map((seen) => itemOf(seen, nowMs)) };
}

function keyOf({ state, rollout, phase }: Seen, sort: RolloutListQuery['sort']): ListKey {
  switch (sort) {
    case 'health':
      return [ranks[phase], -rollout.startedAtMs, state.name];
    case 'service':
      return [state.name];
    case 'started':
      return [-rollout.startedAtMs, state.name];
  }
}

function itemOf({ state, rollout, phase }: Seen, nowMs: number): RolloutItem {
  const view = rolloutView(state, rollout, nowMs);
  return {
    apiVersion: 'tidegate.dev/v1',
    kind: 'Rollout',
    metadata: {
      ...resourceMetadata('Rollout', rollout.id, state),
      creationTimestamp: view.startedAt,
    },
    service: state.name,
    toVersion: view.to.version,
    startedBy: view.startedBy.who,
    startedAt: view.startedAt,
    status: {
      phase,
      stepNumber: view.stepNumber,
      stepCount: view.stepCount,
      wantedSharePercent: view.wantedSharePercent,
      measuredSharePercent: view.measuredSharePercent,
      verdict: view.gate?.verdict ?? null,
      isWaitingForPerson: view.isWaitingForPerson,
      sentence: view.sentence,
    },
  };
}
