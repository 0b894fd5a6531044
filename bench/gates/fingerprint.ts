import { createHash } from 'node:crypto';
import { type ReleaseOptions, runRelease } from './release.ts';
import type { EvidenceSeen, OpenRule, Rule } from './rule.ts';
import type { Scenario } from './stream.ts';

/**
 * What the rules made of one release, exactly. Evidence is the product of all that the gate has seen, so whatever changes a draw, a
 * bucket or a formula changes some of its bits; a change that changes none of them leaves the counts of all releases as
 * they are.
 */
export interface Fingerprint {
  readonly seed: number;
  /** The highest log W of our rule: the double itself, as JSON keeps it. */
  readonly peakLog: number;
  /** Digest of log W after every tick, as doubles. */
  readonly evidence: string;
  /** When each of the other rules rolled back, in seconds and in their order; `-`: it did not. */
  readonly others: string;
}

export function fingerprintOf(
  scenario: Scenario,
  { own, others }: { readonly own: Rule; readonly others: readonly Rule[] },
  options: ReleaseOptions,
): Fingerprint {
  const logs: number[] = [];
  let peakLog = 0;
  const watched: Rule = {
    name: own.name,
    open: (plannedMs, run) =>
      watching(own.open(plannedMs, run), (seen) => {
        logs.push(seen.log);
        ({ peakLog } = seen);
      }),
  };
  // Ours last, as it may thin out the stream's requests.
  const outcomes = runRelease(scenario, [...others, watched], options);
  const ends = outcomes.slice(0, others.length).map((end) => secondsText(end?.afterMs ?? null));
  return { seed: options.run, peakLog, evidence: digestOf(logs), others: ends.join(' ') };
}

/** The same rule, telling its evidence after every tick. */
function watching(rule: OpenRule, tell: (seen: EvidenceSeen) => void): OpenRule {
  const take: OpenRule['take'] = (tick) => {
    const isEnd = rule.take(tick);
    const seen = rule.evidence?.();
    if (seen === undefined) throw new Error('a rule without evidence has no fingerprint');
    tell(seen);
    return isEnd;
  };
  return { ...rule, take };
}

function digestOf(logs: readonly number[]): string {
  const bytes = new DataView(new ArrayBuffer(8 * logs.length));
  for (const [index, log] of logs.entries()) bytes.setFloat64(8 * index, log);
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

function secondsText(ms: number | null): string {
  return ms === null ? '-' : String(ms / 1000);
}
