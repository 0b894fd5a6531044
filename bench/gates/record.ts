import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Fingerprint } from './fingerprint.ts';
import type { Job, JobResult } from './run-scenario.ts';

/**
 * Which healthy releases have been judged so far, and how many each rule rolled back: a few KB that stay with the sources, so that
 * a study of hours goes on where any earlier run of it ended. Streams are seeded, so the counts are what would come out
 * again. To hold the record to that, the first releases of each of its scenarios are judged again whenever it is opened: where one
 * does not come out as it did, to the last bit of its evidence, the record is refused.
 */
export class StudyRecord {
  readonly #path: string;
  readonly #fingerprintsOf: FingerprintsOf;
  readonly #scenarios: Map<string, RecordedScenario>;
  #writtenAtMs = performance.now();

  constructor(path: string, { isFresh, fingerprintsOf }: RecordOptions) {
    this.#path = path;
    this.#fingerprintsOf = fingerprintsOf;
    const kept = isFresh || !existsSync(path) ? null : parsed(path);
    this.#scenarios = new Map(Object.entries(kept?.scenarios ?? {}));
    for (const [of, { fingerprints }] of this.#scenarios) this.#require(of, fingerprints);
  }

  #require(of: string, known: readonly Fingerprint[]): void {
    const now = this.#fingerprintsOf(of);
    const index = known.findIndex((each, at) => !isSame(each, now?.[at]));
    const [then, again] = [known[index], now?.[index]];
    if (then === undefined && known.length > 0) return;
    throw new RecordError(
      `${this.#path} was counted by another gate or study: of ${JSON.stringify(of)}, seed ${then?.seed ?? 0}, it has ${textOfPrint(then)}, and now it is ${textOfPrint(again)}. Its counts say nothing of this one; --fresh begins a new record in its place`,
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
    const known = this.#scenarios.get(of) ?? {
      fingerprints: this.#fingerprintsOf(of) ?? [],
      releases: [],
      rolledBack: {},
    };
    const rolledBack: Record<string, readonly [number, number]> = { ...known.rolledBack };
    for (const [rule, { count, runs: asked }] of Object.entries(result.tallies)) {
      const [counted, askedBefore] = rolledBack[rule] ?? [0, 0];
      rolledBack[rule] = [counted + count, askedBefore + asked];
    }
    const releases = joined([...known.releases, [firstRun, firstRun + runs]]);
    this.#scenarios.set(of, { ...known, releases, rolledBack });
    if (performance.now() - this.#writtenAtMs > writtenEveryMs) this.write();
  }

  /** Whole or not at all. */
  write(): void {
    this.#writtenAtMs = performance.now();
    if (this.#scenarios.size === 0) return;
    mkdirSync(dirname(this.#path), { recursive: true });
    const scenarios = Object.fromEntries(this.#scenarios);
    const file: RecordFile = { about, scenarios };
    const temporary = `${this.#path}.new`;
    writeFileSync(temporary, `${textOf(file)}\n`);
    renameSync(temporary, this.#path);
  }
}

/** Says what is wrong with a record, and what to do. */
export class RecordError extends Error {}

/** Of a scenario's first releases, one at least; null: there is no such scenario. */
type FingerprintsOf = (of: string) => readonly Fingerprint[] | null;

interface RecordOptions {
  readonly isFresh: boolean;
  readonly fingerprintsOf: FingerprintsOf;
}

const about =
  'Healthy releases judged at ticks of 100 ms. Of each scenario what the first releases came out as (the highest evidence, a digest of all of it, seconds until each other rule rolled back), the seeds [from, to) judged, and by rule [rolled back, asked about].';

interface RecordFile {
  readonly about: string;
  readonly scenarios: Readonly<Record<string, RecordedScenario>>;
}

interface RecordedScenario {
  readonly fingerprints: readonly Fingerprint[];
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

/** JSON has the shortest text of a double that no other double has. */
function isSame(known: Fingerprint, now: Fingerprint | undefined): boolean {
  return JSON.stringify(known) === JSON.stringify(now);
}

function textOfPrint(fingerprint: Fingerprint | undefined): string {
  if (fingerprint === undefined) return 'none';
  const { peakLog, evidence, others } = fingerprint;
  return `evidence ${peakLog} at the peak (in all ${evidence}) and others ${others}`;
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
    const isRecord = Object.values(file.scenarios).every((each) =>
      Array.isArray(each.fingerprints),
    );
    if (isRecord) return file;
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
  }
  throw new RecordError(
    `${path} is no record of the study: restore it, or begin anew with --fresh`,
  );
}
