import type { RestartView } from '../../../api/restart-wire.ts';
import { secondsText } from '../../../domain/release/wording/amount-text.ts';
import type { Restart } from '../../../domain/release/service-state.ts';
import { timeText } from './time-text.ts';

/** A restart as the API shows it. */
export function restartView(restart: Restart, atMs: number): RestartView {
  const { id, revision, done, left, by, startedAtMs, phase } = restart;
  const endedAtMs = 'atMs' in phase ? phase.atMs : null;
  return {
    id,
    revisionId: revision.id,
    phase: phase.kind === 'done' || phase.kind === 'given-up' ? phase.kind : 'running',
    sentence: sentenceOf(restart, (endedAtMs ?? atMs) - startedAtMs),
    doneCount: done.length,
    totalCount: done.length + left.length,
    by: { ...by },
    startedAt: timeText(startedAtMs),
    endedAt: endedAtMs === null ? null : timeText(endedAtMs),
  };
}

function sentenceOf({ done, left, count, phase }: Restart, tookMs: number): string {
  const all = done.length + left.length;
  const sum = `${done.length} of ${all} instances restarted after ${secondsText(tookMs)}`;
  switch (phase.kind) {
    case 'waiting':
      return `${sum}; waiting until ${count} besides ${left[0] ?? 'the last'} are ready`;
    case 'stopping':
      return `${sum}; stopping ${phase.instanceId}`;
    case 'done':
      return sum;
    case 'given-up':
      return `${sum}; ended: ${phase.because}`;
  }
}
