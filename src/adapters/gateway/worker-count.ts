import { availableParallelism } from 'node:os';

/** Beyond the cores of most machines; each has a memory of its own. */
const workersMax = 64;

/** `N` in [1, 64], or `auto`: as many as there are cores. Null: neither. */
export function workerCountOf(text: string): number | null {
  if (text === 'auto') return Math.min(workersMax, availableParallelism());
  if (!/^\d{1,2}$/.test(text)) return null;
  const count = Number(text);
  return count >= 1 && count <= workersMax ? count : null;
}
