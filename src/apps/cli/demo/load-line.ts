import { type Look, paint } from '../look.ts';
import type { LoadReport } from '../report/report-model.ts';
import { failuresText } from '../report/report-rows.ts';
import { countText } from '../views/words.ts';

/** How the load went, and a clear word when it was not what it was meant to be. */
export function loadLine(load: LoadReport, look: Look): string[] {
  const ms = (value: number): string => `${Number(value.toPrecision(3))} ms`;
  const figures = `Load    ${countText(load.achievedRps)} of ${countText(load.targetRps)} requests/s, ${countText(load.requests)} requests, ${countText(load.errors)} failed (${failuresText(load)}), p50 ${ms(load.p50Ms)}, p95 ${ms(load.p95Ms)}, p99 ${ms(load.p99Ms)}`;
  if (load.valid) return [`${figures}; valid`];
  return [
    `${figures}; ${paint(look, 'yellow', 'NOT valid')}`,
    ...load.invalidBecause.map((why) => `        ${why}`),
    '        This machine was too busy or too slow for the rate, so the latencies say little; counts and',
    '        decisions stand as they are. Try again when it is idle, or with fewer: tidegate demo --rps 200',
  ];
}
