import type { OutOfMemory } from '../../../ports/platform.ts';
import { wasOutOfMemory } from './instance-cgroup.ts';
import type { Life } from '../instance-life.ts';
import { measureGroup } from '../process-group.ts';

/** How it ended at its limit of memory, in Kubernetes' word: 137 is 128 and SIGKILL. */
interface MemoryEnd {
  readonly what: string;
  readonly why: string;
  readonly outOfMemory: OutOfMemory;
}

/** What its processes have where that is more than its limit and no cgroup holds it; null: it is not. Shared pages count for each. */
export function overLimitBytes({ held, identity }: Life): number | null {
  const limit = held?.limits.memory;
  if (limit?.enforcedBy !== 'watching') return null;
  const { rssBytes } = measureGroup(identity);
  return rssBytes > limit.bytes ? rssBytes : null;
}

/** Null: its end was another one. Asked before its cgroup goes, which has the kernel's word. */
export function outOfMemoryOf(
  { held }: Life,
  seen: {
    readonly overBytes: number | null;
    readonly atMs: number;
    readonly before: OutOfMemory | undefined;
  },
): MemoryEnd | null {
  const limitBytes = held?.limits.memory?.bytes;
  if (limitBytes === undefined || held === null) return null;
  const { overBytes, atMs, before } = seen;
  const isByKernel = held.cgroup !== null && wasOutOfMemory(held.cgroup);
  if (overBytes === null && !isByKernel) return null;
  const count = (before?.count ?? 0) + 1;
  const limit = mebibytesText(limitBytes);
  const why = isByKernel
    ? `it reached its memory limit of ${limit}, enforced by its cgroup`
    : `it had ${mebibytesText(overBytes ?? limitBytes)}, its memory limit is ${limit}, enforced by watching`;
  const memoryBytes = Math.max(limitBytes, overBytes ?? 0);
  return {
    what: 'OOMKilled (exit code 137)',
    why,
    outOfMemory: { count, atMs, memoryBytes },
  };
}

function mebibytesText(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
