import type { ArmCount } from '../traffic/samples/traffic-sample.ts';

/** `1240` -> `1,240`; fractions are rounded. */
export function countText(count: number): string {
  let rest = String(Math.round(count));
  if (!(count >= 1000 && count < 1e21)) return rest;
  let grouped = '';
  for (; rest.length > 3; rest = rest.slice(0, -3)) grouped = `,${rest.slice(-3)}${grouped}`;
  return `${rest}${grouped}`;
}

/** `0.0003` -> `0.03 %`. */
export function percentText(ratio: number): string {
  return `${(100 * ratio).toFixed(2)} %`;
}

/** `0.0025` -> `+0.25 pp`; `-0.01` -> `-1 pp`. */
export function marginText(marginRatio: number): string {
  const sign = marginRatio < 0 ? '' : '+';
  return `${sign}${Number((100 * marginRatio).toPrecision(3))} pp`;
}

/** `0 of 1,240 candidate requests failed (0.00 %), stable 3 of 11,160 (0.03 %)`. */
export function armsText(candidate: ArmCount, stable: ArmCount): string {
  return `${failedText(candidate, 'candidate requests failed')}, stable ${failedText(stable, '')}`;
}

export function failedText({ requests, failures }: ArmCount, words: string): string {
  const ratio = requests === 0 ? 'none seen' : percentText(failures / requests);
  const subject = words === '' ? '' : ` ${words}`;
  return `${countText(failures)} of ${countText(requests)}${subject} (${ratio})`;
}

/** Two figures are plenty for evidence: `14`, `0.31`, `1,204`, `more than 1,000,000`. */
export function evidenceText(evidence: number): string {
  if (evidence >= 1e6) return 'more than 1,000,000';
  if (evidence >= 10) return countText(Math.floor(evidence));
  if (evidence < 0.01) return 'under 0.01';
  return Number(evidence.toPrecision(2)).toString();
}

/** `214.3` -> `214 ms`; `1840` -> `1.8 s`. */
export function millisecondsText(ms: number): string {
  if (ms >= 1000) return durationText(ms);
  return `${ms < 10 ? Number(ms.toPrecision(2)) : Math.round(ms)} ms`;
}

/** `1200` -> `1.2 s`; `1_080_000` -> `18 min`. */
export function durationText(ms: number): string {
  if (ms < 100_000)
    return `${ms < 9_950 ? Number((ms / 1000).toFixed(1)) : Math.round(ms / 1000)} s`;
  if (ms < 6_000_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Number((ms / 3_600_000).toFixed(1))} h`;
  return `${Number((ms / 86_400_000).toFixed(1))} days`;
}
