import { shortageOf } from '../scaling/capacity-guard.ts';
import { countText } from './wording/amount-text.ts';
import { scalingBounds } from './instance-counts.ts';
import type { Revision } from './revision.ts';
import type { Rollout, ServiceState } from './service-state.ts';

/** Why a step has to wait for instances; null: it has not. A first rollout has no load yet that it could be measured by. */
export function capacityHold(
  state: ServiceState,
  rollout: Rollout,
  stepIndex: number,
): string | null {
  const { candidate, stable, plan } = rollout;
  if (stable === null) return null;
  const shareRatio = (plan.steps[stepIndex]?.weightPercent ?? 100) / 100;
  const ofCandidate = armHold(state, rollout, {
    name: 'the candidate',
    revision: candidate,
    shareRatio,
  });
  return (
    ofCandidate ?? armHold(state, rollout, { name: 'stable', revision: stable, shareRatio: 1 })
  );
}

function armHold(
  state: ServiceState,
  { needs = [] }: Rollout,
  { name, revision, shareRatio }: Arm,
): string | null {
  const bounds = scalingBounds(revision);
  if (bounds === null || shareRatio === 0) return null;
  const known = needs.find(({ revisionId }) => revisionId === revision.id);
  if (known === undefined) return `it is not known yet what ${name} has to carry`;
  const seen = state.instances.find(({ revisionId }) => revisionId === revision.id);
  const { max } = bounds;
  const short = shortageOf({ needs: known.needs, shareRatio, ready: seen?.ready ?? 0, max });
  if (short === null) return null;
  const { metric, load, perInstance } = short.by;
  const share =
    shareRatio === 1 ? 'all of the load' : `${Number((shareRatio * 100).toFixed(1))} % of the load`;
  return `${name} needs ${short.needed} ready instances to carry ${share} and has ${short.ready} (${loadText(metric, load)}, ${amountText(perInstance)} an instance)`;
}

interface Arm {
  readonly name: string;
  readonly revision: Revision;
  readonly shareRatio: number;
}

function loadText(metric: string, load: number): string {
  switch (metric) {
    case 'cpu':
      return `${amountText(load)} cores used`;
    case 'requestsPerSecond':
      return `${amountText(load)} requests/s`;
    case 'concurrency':
      return `${amountText(load)} requests under way`;
    default:
      return `${metric} ${amountText(load)}`;
  }
}

/** Two figures below 10. */
function amountText(amount: number): string {
  return amount >= 10 ? countText(amount) : String(Number(amount.toPrecision(2)));
}
