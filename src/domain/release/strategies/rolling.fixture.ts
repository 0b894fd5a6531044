import type { Recreate, Rolling } from './strategy.ts';

/** `rolling` with `1,0` or `25%,25%`: at most so many more and fewer; `recreate` with its deadline in seconds, as `60s`. */
export function rolledOf(kind: 'rolling' | 'recreate', text: string): Rolling | Recreate {
  if (kind === 'recreate') {
    return { kind, progressDeadlineMs: 1000 * Number.parseInt(text, 10) };
  }
  const [maxSurge = amountOf('25%'), maxUnavailable = amountOf('25%')] = text
    .split(',')
    .map(amountOf);
  return { kind, maxSurge, maxUnavailable, progressDeadlineMs: 60_000 };
}

function amountOf(text: string): Rolling['maxSurge'] {
  const value = Number.parseFloat(text);
  return text.endsWith('%') ? { kind: 'percent', percent: value } : { kind: 'count', count: value };
}
