import type { Condition } from '../../../api/metadata-wire.ts';
import { alertOf, describeService } from '../../../domain/release/wording/sentence.ts';
import type { Rollout, ServiceState } from '../../../domain/release/service-state.ts';
import { timeText } from './time-text.ts';

/** As Kubernetes has them: each a question with an answer, why, and since when. */
export function rolloutConditions(
  state: ServiceState,
  rollout: Rollout,
  atMs: number,
): Condition[] {
  const { phase, paused } = rollout;
  const since = timeText('sinceMs' in phase ? phase.sinceMs : phase.atMs);
  const isOver = phase.kind === 'promoted' || phase.kind === 'rolled-back';
  const reason = wordOf(phase.kind);
  const message = describeService(state, atMs);
  return [
    {
      type: 'Progressing',
      status: isOver || paused !== null ? 'False' : 'True',
      reason,
      message,
      lastTransitionTime: since,
    },
    {
      type: 'Paused',
      status: paused === null ? 'False' : 'True',
      reason: paused === null ? 'NotPaused' : 'PausedByHand',
      message: paused === null ? '' : `paused by ${paused.by.who}`,
      lastTransitionTime: paused === null ? null : timeText(paused.atMs),
    },
    { type: 'Healthy', ...health(rollout), lastTransitionTime: since },
    {
      type: 'Completed',
      status: phase.kind === 'promoted' ? 'True' : 'False',
      reason,
      message: isOver ? message : '',
      lastTransitionTime: isOver ? since : null,
    },
  ];
}

function health(rollout: Rollout): Pick<Condition, 'status' | 'reason' | 'message'> {
  const { phase, lastVerdict } = rollout;
  switch (phase.kind) {
    case 'rolled-back':
    case 'reverting':
      return { status: 'False', reason: wordOf(phase.cause.kind), message: phase.cause.sentence };
    case 'promoted':
      return { status: 'True', reason: 'Promoted', message: '' };
    case 'parked':
    case 'starting':
    case 'rolling':
    case 'shifting':
    case 'judging':
    case 'waiting':
    case 'baking':
      break;
  }
  const alert = alertOf(rollout);
  const sentence = lastVerdict?.explanation.sentence ?? 'nothing was judged yet';
  if (phase.kind === 'parked') return { status: 'False', reason: 'Parked', message: sentence };
  if (alert !== null) return { status: 'Unknown', reason: 'Alert', message: alert.sentence };
  if (lastVerdict === null || lastVerdict.kind === 'undecided') {
    return { status: 'Unknown', reason: 'NotEnoughData', message: sentence };
  }
  const isGood = lastVerdict.kind === 'pass';
  return {
    status: isGood ? 'True' : 'False',
    reason: isGood ? 'GatePasses' : 'GateFails',
    message: sentence,
  };
}

/** `rolled-back` is `RolledBack`. */
function wordOf(kind: string): string {
  return kind
    .split('-')
    .map((part) => `${part.charAt(0).toUpperCase()}${part.slice(1)}`)
    .join('');
}
