import type { Revision } from '../../domain/release/revision.ts';
import type { Instance, InstanceState } from '../../ports/platform.ts';
import type { PlatformScript } from './platform-script.ts';

/** Restarts wait 1, 2, 4 ... 30 s, as the local platform's defaults do. */
const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 30_000;

/** One instance on a MemoryMachine, changed in place by `advance`. */
export interface MemoryInstance {
  readonly id: string;
  readonly revision: Revision;
  readonly pid: number;
  /** Start of the process that runs, or that will run after the back-off. */
  startedAtMs: number;
  restarts: number;
  reason: string | null;
  /** When it has stopped; null: nobody asked. */
  goneAtMs: number | null;
}

export function newMemoryInstance(fresh: {
  readonly revision: Revision;
  readonly number: number;
  readonly pid: number;
  readonly nowMs: number;
}): MemoryInstance {
  const { revision, number, pid, nowMs } = fresh;
  const id = `${revision.id}-${number}`;
  return { id, revision, pid, startedAtMs: nowMs, restarts: 0, reason: null, goneAtMs: null };
}

/** Crashes and restarts due by now; returns the last words of each. Ends because each round moves the start by >= 1 s. */
export function advance(
  instance: MemoryInstance,
  script: PlatformScript,
  nowMs: number,
): readonly string[] {
  const words: string[] = [];
  const { crashAfterMs, crashesMax } = script;
  if (crashAfterMs === null) return words;
  while (instance.restarts < crashesMax) {
    const crashAtMs = instance.startedAtMs + crashAfterMs;
    if (crashAtMs > nowMs || (instance.goneAtMs !== null && crashAtMs >= instance.goneAtMs)) break;
    instance.restarts += 1;
    instance.reason = `exited with code 1 after ${(crashAfterMs / 1_000).toFixed(1)} s`;
    instance.startedAtMs = crashAtMs + backoffMs(instance.restarts);
    words.push('crashed as scripted');
  }
  return words;
}

export function viewOf(instance: MemoryInstance, script: PlatformScript, nowMs: number): Instance {
  const { id, revision, pid, startedAtMs, restarts } = instance;
  const isRunning = startedAtMs <= nowMs;
  const state = stateOf(instance, script, nowMs);
  return {
    id,
    service: revision.service,
    revisionId: revision.id,
    state,
    // Ports that nobody listens on; different for each instance as long as there are fewer than 50,000.
    endpoint: isRunning
      ? { instanceId: id, host: '127.0.0.1', port: 10_000 + (pid % 50_000) }
      : null,
    pid: isRunning ? pid + restarts * 100_000 : null,
    startedAtMs: isRunning ? startedAtMs : null,
    restarts,
    reason: state === 'unready' ? notReady(revision) : instance.reason,
    cpuSeconds: 0,
    rssBytes: 0,
  };
}

function stateOf(instance: MemoryInstance, script: PlatformScript, nowMs: number): InstanceState {
  if (instance.goneAtMs !== null) return 'stopping';
  const ageMs = nowMs - instance.startedAtMs;
  if (ageMs < 0) return 'backing-off';
  if (script.readyAfterMs !== null && ageMs >= script.readyAfterMs) return 'ready';
  return ageMs < instance.revision.health.startTimeoutMs ? 'starting' : 'unready';
}

function notReady({ health }: Revision): string {
  return `not ready after ${health.startTimeoutMs / 1_000} s: GET ${health.readyPath} answered 503`;
}

function backoffMs(restarts: number): number {
  return Math.min(BACKOFF_FIRST_MS * 2 ** (restarts - 1), BACKOFF_MAX_MS);
}
