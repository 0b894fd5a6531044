import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { Job, JobResult } from './run-scenario.ts';
import { digestOfSources } from './sources.ts';

/**
 * A file of finished jobs, a line each, so that a study of hours goes on where it was stopped. Streams are seeded, so what
 * is saved is what would come out again; it is used only while the sources of the gate and of the study are the same.
 */
export class SavedResults {
  readonly #path: string | null;
  readonly #sources: string;
  readonly #results = new Map<string, JobResult>();

  constructor(path: string | null) {
    this.#path = path;
    this.#sources = digestOfSources('jobs.ts');
    if (path === null || !existsSync(path)) return;
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      const saved = parsed(line);
      if (saved?.sources === this.#sources) this.#results.set(keyOf(saved.job), saved.result);
    }
  }

  get(job: Job): JobResult | undefined {
    return this.#results.get(keyOf(job));
  }

  add(job: Job, result: JobResult): void {
    if (this.#path === null) return;
    // The line break stands first, so that a line cut off before it stays alone.
    appendFileSync(this.#path, `\n${JSON.stringify({ sources: this.#sources, job, result })}`);
  }
}

interface SavedLine {
  readonly sources: string;
  readonly job: Job;
  readonly result: JobResult;
}

/** Null: empty, or cut off when the study was stopped in the middle of it; that job is done again. */
function parsed(line: string): SavedLine | null {
  if (!line.endsWith('}')) return null;
  try {
    return JSON.parse(line) as SavedLine;
  } catch {
    return null;
  }
}

function keyOf({ of, rules, firstRun, runs, tickMs, keepsCosts }: Job): string {
  return JSON.stringify([of, rules, firstRun, runs, tickMs, keepsCosts]);
}
