import type { Rollout } from '../../../api/client/generated/schemas.ts';
import type { SeriesPoint } from '../report/report-model.ts';
import { sharePercent } from '../report/rollout-reports.ts';

/** Over less than this a share of few requests jumps about, and over more a step would be smeared. */
const windowMs = 400;

/** Points for a drawing, from a rollout looked at again and again. */
export class ShareSeries {
  readonly #points: SeriesPoint[] = [];
  #window: Window | null = null;

  add(atMs: number, rollout: Rollout): void {
    const { totals, wantedSharePercent: wantedPercent, gate } = rollout;
    const window = this.#window;
    // Another weight begins another window: a share measured over two weights is neither's.
    const isNew = window === null || window.wantedPercent !== wantedPercent;
    if (isNew) this.#window = { atMs, wantedPercent, totals };
    const isOver = !isNew && atMs - window.atMs >= windowMs;
    if (isOver) this.#window = { atMs, wantedPercent, totals };
    if (!isNew && !isOver) return;
    this.#points.push({
      atMs,
      wantedPercent,
      measuredPercent: isOver ? shareBetween(window.totals, totals) : null,
      evidence: gate && {
        against: gate.against,
        againstLimit: gate.againstLimit,
        for: gate.for,
        forLimit: gate.forLimit,
      },
    });
  }

  /**
   * With the points of the ledger among them: those stand at the very moment of each decision. After the decision there is
   * no evidence any more.
   */
  mergedWith(recorded: readonly SeriesPoint[], decidedAtMs: number | null): SeriesPoint[] {
    const polled = this.#points.map((point) =>
      decidedAtMs !== null && point.atMs > decidedAtMs ? { ...point, evidence: null } : point,
    );
    const exact = recorded.map((point) => ({ ...point, measuredPercent: null }));
    return [...polled, ...exact].sort((a, b) => a.atMs - b.atMs);
  }
}

interface Window {
  readonly atMs: number;
  readonly wantedPercent: number;
  readonly totals: Rollout['totals'];
}

function shareBetween(from: Rollout['totals'], to: Rollout['totals']): number | null {
  const grown = (arm: 'candidate' | 'stable') => ({
    requests: to[arm].requests - from[arm].requests,
    failures: to[arm].failures - from[arm].failures,
  });
  return sharePercent(grown('candidate'), grown('stable'));
}
