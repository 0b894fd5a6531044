import { gateThrewBackHealthy } from './oracle-end.ts';
import type { WorldResult } from './run-world.ts';

/** What many worlds came to. */
export interface Summary {
  worlds: number;
  virtualSeconds: number;
  happenings: number;
  entries: number;
  crashes: number;
  healthy: number;
  healthyThrownBack: number;
  readonly outcomes: Map<string, number>;
}

export function newSummary(): Summary {
  return {
    worlds: 0,
    virtualSeconds: 0,
    happenings: 0,
    entries: 0,
    crashes: 0,
    healthy: 0,
    healthyThrownBack: 0,
    outcomes: new Map(),
  };
}

export function addWorld(summary: Summary, { story, rollouts }: WorldResult): void {
  summary.worlds += 1;
  summary.virtualSeconds += (story.endedAtMs - story.startMs) / 1000;
  summary.happenings += story.happenings.length;
  summary.entries += story.happenings.filter((each) => each.kind === 'entry').length;
  summary.crashes += story.crashes;
  for (const rollout of rollouts) {
    const outcome = rollout.outcome ?? (rollout.isPaused ? 'paused' : rollout.stage);
    summary.outcomes.set(outcome, (summary.outcomes.get(outcome) ?? 0) + 1);
    const isThrownBack = gateThrewBackHealthy(story, rollout);
    if (isThrownBack === null) continue;
    summary.healthy += 1;
    if (isThrownBack) summary.healthyThrownBack += 1;
  }
}

export function summaryTable(summary: Summary, seconds: number): string {
  const rows: readonly (readonly [string, string | number])[] = [
    ['worlds', summary.worlds],
    ['worlds/s', (summary.worlds / seconds).toFixed(1)],
    ['virtual hours', (summary.virtualSeconds / 3600).toFixed(1)],
    ['happenings', summary.happenings],
    ['ledger entries', summary.entries],
    ['crashes', summary.crashes],
    ...[...summary.outcomes]
      .toSorted(([, a], [, b]) => b - a)
      .map(([outcome, count]) => [`rollouts ${outcome}`, count] as const),
    ['healthy candidates', summary.healthy],
    ['of them thrown back', summary.healthyThrownBack],
  ];
  return rows.map(([name, value]) => `${name.padEnd(22)} ${String(value).padStart(10)}`).join('\n');
}
