import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Job, JobResult } from './run-scenario.ts';
import { digestOfSources } from './sources.ts';

/**
 * Which healthy releases have been judged so far, and how many each rule rolled back: a few KB that stay with the sources, so that
 * a study of hours goes on where any earlier run of it ended. Streams are seeded, so the counts are what would come out
 * again; a record that other sources have made is refused.
 */
export class StudyRecord {
  readonly #path: string;
  readonly #sources: string;
  readonly #scenarios: Map<string, RecordedScenario>;
  #writtenAtMs = performance.now();

  constructor(path: string, { isFresh }: { readonly isFresh: boolean }) {
    this.#path = path;
    this.#sources = digestOfSources('healthy-job.ts');
    const kept = isFresh || !existsSync(path) ? null : this.#read();
    this.#scenarios = new Map(Object.entries(kept?.scenarios ?? {}));
  }

  #read(): RecordFile {
    const file = parsed(this.#path);
    if (file.sources === this.#sources) return file;
    throw new RecordError(
      `${this.#path} was counted by other sources of the gate or the study (digest ${file.sources}, now ${this.#sources}): its counts say nothing of these. --fresh begins a new record in its place`,
    );
  }

  /** All that is known of a scenario. */
  resultOf(scenario: string): JobResult | null {
    const known = this.#scenarios.get(scenario);
    if (known === undefined) return null;
    const runs = known.releases.reduce((sum, [from, to]) => sum + to - from, 0);
    const tallies = Object.entries(known.rolledBack).map(([rule, [count, of]]) => {
      return [rule, { runs: of, count, early: 0, costs: [] }];
    });
    return { runs, tallies: Object.fromEntries(tallies) };
  }

  /** What of a job is still to be done, in jobs of the same kind. */
  missingOf(job: Job): readonly Job[] {
    const missing: Job[] = [];
    const endRun = job.firstRun + job.runs;
    let run = job.firstRun;
    for (const [from, to] of this.#scenarios.get(job.of)?.releases ?? []) {
      if (to <= run || from >= endRun) continue;
      if (from > run) missing.push({ ...job, firstRun: run, runs: from - run });
      run = to;
    }
    if (run < endRun) missing.push({ ...job, firstRun: run, runs: endRun - run });
    return missing;
  }

  add({ of, firstRun, runs }: Job, result: JobResult): void {
    const known = this.#scenarios.get(of) ?? { releases: [], rolledBack: {} };
    const rolledBack: Record<string, readonly [number, number]> = { ...known.rolledBack };
    for (const [rule, { count, runs: asked }] of Object.entries(result.tallies)) {
      const [counted, askedBefore] = rolledBack[rule] ?? [0, 0];
      rolledBack[rule] = [counted + count, askedBefore + asked];
    }
    const releases = joined([...known.releases, [firstRun, firstRun + runs]]);
    this.#scenarios.set(of, { releases, rolledBack });
    if (performance.now() - this.#writtenAtMs > writtenEveryMs) this.write();
  }

  /** Whole or not at all. */
  write(): void {
    this.#writtenAtMs = performance.now();
    if (this.#scenarios.size === 0) return;
    mkdirSync(dirname(this.#path), { recursive: true });
    const scenarios = Object.fromEntries(this.#scenarios);
    const file: RecordFile = { about, sources: this.#sources, scenarios };
    const temporary = `${this.#path}.new`;
    writeFileSync(temporary, `${textOf(file)}\n`);
    renameSync(temporary, this.#path);
  }
}

/** Says what is wrong with a record, and what to do. */
export class RecordError extends Error {}

const about =
  'Healthy releases judged at ticks of 100 ms. Of each scenario the seeds [from, to), and by rule [rolled back, asked about].';

interface RecordFile {
  readonly about: string;
  /** Digest of what has judged. */
  readonly sources: string;
  readonly scenarios: Readonly<Record<string, RecordedScenario>>;
}

interface RecordedScenario {
  readonly releases: readonly Range[];
  readonly rolledBack: Readonly<Record<string, readonly [number, number]>>;
}

type Range = readonly [from: number, to: number];

const writtenEveryMs = 20_000;

function joined(ranges: readonly Range[]): readonly Range[] {
  const all: [number, number][] = [];
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = all.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else all.push([from, to]);
  }
  return all;
}

/** A rule a line, so that a difference can be read; as the formatter of the sources has it. */
function textOf(file: RecordFile): string {
  const text = JSON.stringify(file, null, 2);
  const short = text.replaceAll(/\[\s+(\d+),\s+(\d+)\s+\]/g, '[$1, $2]');
  return short.replaceAll(/\[\s+(\[\d+, \d+\])\s+\]/g, '[$1]');
}

function parsed(path: string): RecordFile {
  try {
    const file = JSON.parse(readFileSync(path, 'utf8')) as RecordFile;
    if (typeof file.sources === 'string' && typeof file.scenarios === 'object') return file;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new RecordError(
    `${path} is no record of the study: restore it, or begin anew with --fresh`,
  );
}
