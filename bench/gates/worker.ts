import { parentPort } from 'node:worker_threads';
import type { Job } from './run-scenario.ts';
import { runJob } from './jobs.ts';

/** One of the pool's workers: takes one job after the other. */
parentPort?.on('message', (job: Job) => {
  parentPort?.postMessage(runJob(job));
});
