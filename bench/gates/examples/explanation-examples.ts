import { explanationSchema } from '../../../src/api/explanation-wire.ts';
import type { Verdict } from '../../../src/domain/gate/verdict.ts';
import { traceOf } from '../drawings/trace.ts';
import { studySettings } from '../study-settings.ts';
import { scenario } from '../scenario.ts';
import type { WrittenBlock } from './written-block.ts';

/** What the gate really said of simulated releases: a rollback with its JSON, a step that waits, one that had no verdict in time. */
export function explanationExamples(): readonly WrittenBlock[] {
  const failing = verdictOf({ requestsPerSecond: 800, share: 0.05, candidateRatio: 0.051 });
  const waiting = verdictOf({ requestsPerSecond: 100, share: 0.1, atMs: 20_000 });
  const late = verdictOf({ requestsPerSecond: 5, share: 0.1, atMs: 600_000 });
  return [
    { name: 'sentence-fail', text: fenced('', sentenceText(failing)) },
    { name: 'sentence-waiting', text: fenced('', sentenceText(waiting)) },
    { name: 'sentence-late', text: fenced('', sentenceText(late)) },
    { name: 'explanation', text: fenced('json', jsonText(failing)) },
  ];
}

function verdictOf(release: {
  readonly requestsPerSecond: number;
  readonly share: number;
  readonly candidateRatio?: number;
  readonly atMs?: number;
}): Verdict {
  const { requestsPerSecond, share, candidateRatio = 0.001, atMs = 600_000 } = release;
  const rates = { candidateRatio, stableRatio: 0.001 };
  const name = `explained ${requestsPerSecond}/s, ${share}, ${candidateRatio}`;
  const one = scenario({ name, requestsPerSecond, share, rates, durationMs: atMs });
  const { points } = traceOf(one, studySettings, { run: 1, tickMs: 100, askedAtMs: [atMs] });
  const last = points.at(-1);
  if (last === undefined) throw new Error(`${name} was never judged`);
  return last.verdict;
}

function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

function sentenceText({ explanation }: Verdict): string {
  return explanation.sentence.replaceAll('; ', ';\n');
}

/** As `--output json` has it, but that four figures are enough to read, and without what it says of each metric. */
function jsonText({ kind, explanation }: Verdict): string {
  const { metrics: _, ...shown } = explanationSchema.parse({ verdict: kind, ...explanation });
  const short = JSON.stringify(
    shown,
    (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value),
    2,
  );
  // Small objects stand in one line.
  return short.replaceAll(/\{\s+([^{}[\]]{1,150}?)\s+\}/g, (_, inner: string) => {
    return `{ ${inner.replaceAll(/\s*\n\s*/g, ' ')} }`;
  });
}
