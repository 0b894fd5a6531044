import { Worker } from 'node:worker_threads';
import type { Job, JobResult } from './run-scenario.ts';

/**
 * Runs jobs on workers of their own, in order, each as soon as a worker is free. A job that throws ends the study: a
 * table with a hole would be read as a table.
 */
export class Pool implements AsyncDisposable {
  readonly #workers: readonly Worker[];

  constructor(workers: number) {
    const url = new URL('./worker.ts', import.meta.url);
    this.#workers = Array.from({ length: workers }, () => new Worker(url));
  }

  /** Gives jobs to workers until there are none left or `isLate` says so; tells each result as it comes. */
  async run(
    jobs: readonly Job[],
    options: {
      readonly onResult: (job: Job, result: JobResult) => void;
      readonly isLate: () => boolean;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    let index = 0;
    await Promise.all(
      this.#workers.map(async (worker) => {
        while (index < jobs.length && !options.isLate()) {
          options.signal.throwIfAborted();
          const job = jobs[index];
          index += 1;
          if (job !== undefined) options.onResult(job, await resultOf(worker, job, options.signal));
        }
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

function resultOf(worker: Worker, job: Job, signal: AbortSignal): Promise<JobResult> {
  return new Promise((resolve, reject) => {
    const listening = new AbortController();
    const settle = <T>(then: (value: T) => void) => {
      return (value: T) => {
        listening.abort();
        worker.off('message', onMessage);
        worker.off('error', onError);
        then(value);
      };
    };
    const onMessage = settle(resolve);
    const onError = settle(reject);
    worker.on('message', onMessage);
    worker.on('error', onError);
    signal.addEventListener('abort', () => settle(reject)(signal.reason), {
      signal: listening.signal,
    });
    worker.postMessage(job);
  });
}
