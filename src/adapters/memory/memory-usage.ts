import type { Clock } from '../../ports/clock.ts';
import type { InstanceUse, UsageSource } from '../../ports/usage-source.ts';

/** Instances that use what a test says. */
export class MemoryUsage implements UsageSource {
  readonly #clock: Clock;
  readonly #uses = new Map<string, Running>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From now on; what it has computed until now stays. Null: it is gone. */
  script(
    instanceId: string,
    use: { readonly cores: number; readonly memoryBytes: number } | null,
  ): void {
    if (use === null) {
      this.#uses.delete(instanceId);
      return;
    }
    const nowMs = this.#clock.nowMs();
    const known = this.#uses.get(instanceId);
    const startedAtMs = known?.startedAtMs ?? nowMs;
    const cpuSeconds = known === undefined ? 0 : computed(known, nowMs);
    this.#uses.set(instanceId, { ...use, startedAtMs, sinceMs: nowMs, cpuSeconds });
  }

  async usage(signal: AbortSignal): Promise<readonly InstanceUse[]> {
    signal.throwIfAborted();
    const measuredAtMs = this.#clock.nowMs();
    return Array.from(this.#uses, ([instanceId, use]) => ({
      instanceId,
      measuredAtMs,
      startedAtMs: use.startedAtMs,
      cpuSeconds: computed(use, measuredAtMs),
      memoryBytes: use.memoryBytes,
    }));
  }
}

interface Running {
  readonly startedAtMs: number;
  readonly sinceMs: number;
  /** Until `sinceMs`. */
  readonly cpuSeconds: number;
  readonly cores: number;
  readonly memoryBytes: number;
}

function computed({ cpuSeconds, cores, sinceMs }: Running, nowMs: number): number {
  return cpuSeconds + (cores * (nowMs - sinceMs)) / 1000;
}
