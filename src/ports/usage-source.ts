/**
 * What instances use of the machine they run on.
 *
 * - One reading for each process that runs now, with its children and theirs; who is being started or is gone has none.
 * - `cpuSeconds` are those since `startedAtMs`: who reads takes differences. They fall only where a child ended that nobody waited
 *   for, and by what that one had used.
 * - `measuredAtMs` is when the values were taken, never before that of an earlier reading.
 * - Cheap: called every second. Keeps nothing between two calls.
 */
export interface UsageSource {
  /** Rejects with PlatformError when it can't be seen now; the next look is the next try. */
  usage(signal: AbortSignal): Promise<readonly InstanceUse[]>;
}

export interface InstanceUse {
  readonly instanceId: string;
  readonly measuredAtMs: number;
  readonly startedAtMs: number;
  readonly cpuSeconds: number;
  /** Resident, of all its processes together; pages they share count for each. */
  readonly memoryBytes: number;
}
