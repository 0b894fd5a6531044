import type { ActionPreview } from '../../../api/rollout-wire.ts';
import type { EstimateItem } from '../../../api/estimate-wire.ts';
import type { Revision } from '../../../domain/release/revision.ts';
import {
  activeRollout,
  type Decision,
  type Rollout,
  type ServiceState,
} from '../../../domain/release/service-state.ts';
import { resourceVersionOf } from './resource-metadata.ts';
import { diffRevisions } from './spec-diff.ts';
import { revisionView } from './views.ts';

const diffLinesMax = 500;

/** What the decider would do, told before it is done. `decision` is its answer to the action, of which nothing was done. */
export function actionPreview(
  action: ActionPreview['action'],
  before: ServiceState,
  decision: Decision,
  estimateOf: (rollout: Rollout) => EstimateItem,
): ActionPreview {
  const { record, state: after } = decision;
  const isDone = record !== null && record.decision !== 'refuse';
  const way = isDone ? wayOf(action, after) : null;
  const rollout = isDone ? activeRollout(after) : null;
  const goesBack = rollout?.phase.kind === 'reverting';
  const now = sharesOf(before);
  return {
    action,
    outcome: isDone ? 'would-do' : record === null ? 'would-change-nothing' : 'would-refuse',
    sentence: record?.sentence ?? 'nothing would change',
    resourceVersion: resourceVersionOf(before),
    from: way === null ? null : revisionView(way.from),
    to: way === null ? null : revisionView(way.to),
    traffic: { now, after: isDone ? sharesAfter(before, after) : now },
    diff: way === null ? [] : diffRevisions(way.from, way.to).slice(0, diffLinesMax),
    estimate: rollout === null || goesBack || action === 'pause' ? null : estimateOf(rollout),
  };
}

/** Null: no traffic goes from one revision to another by it. */
function wayOf(
  action: ActionPreview['action'],
  { rollout }: ServiceState,
): { readonly from: Revision; readonly to: Revision } | null {
  if (rollout === null || rollout.stable === null) return null;
  const { stable, candidate } = rollout;
  switch (action) {
    case 'abort':
      return { from: candidate, to: stable };
    case 'promote':
    case 'promote-full':
    case 'retry':
    case 'undo':
      return { from: stable, to: candidate };
    case 'pause':
    case 'resume':
      return null;
  }
}

/** A rollout that begins orders its traffic when its instances are ready. */
function sharesAfter(before: ServiceState, after: ServiceState): ActionPreview['traffic']['after'] {
  const { rollout } = after;
  const begins = rollout !== null && rollout.id !== before.rollout?.id;
  const first = begins ? rollout.plan.steps[0]?.weightPercent : undefined;
  if (rollout === null || first === undefined) return sharesOf(after);
  const to = { revisionId: rollout.candidate.id, weightPercent: first };
  if (rollout.stable === null) return [to];
  return [{ revisionId: rollout.stable.id, weightPercent: 100 - first }, to];
}

function sharesOf({ traffic }: ServiceState): ActionPreview['traffic']['now'] {
  return (traffic?.shares ?? []).map((share) => ({ ...share }));
}
