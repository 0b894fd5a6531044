import assert from 'node:assert/strict';
import type { Revision } from '../../domain/release/revision.ts';
import type { Clock } from '../../ports/clock.ts';
import { PlatformError } from '../../ports/platform.ts';
import type { Instance, LogLine, LogQuery, Platform } from '../../ports/platform.ts';
import { advance, newMemoryInstance, viewOf, type MemoryInstance } from './memory-instance.ts';
import { HEALTHY_SCRIPT, type PlatformScript } from './platform-script.ts';

/**
 * The machine behind a MemoryPlatform: what goes on when the object that looks after it is gone. It moves only when it is
 * looked at, by the time of the clock, so a run depends on nothing but its calls and their times.
 */
export class MemoryMachine {
  readonly instances = new Map<string, MemoryInstance>();
  readonly #scripts = new Map<string, PlatformScript>();
  readonly #nextNumber = new Map<string, number>();
  readonly #lines: {
    readonly revisionId: string;
    readonly service: string;
    readonly line: LogLine;
  }[] = [];
  readonly #readers = new Set<() => void>();
  #nextPid = 1_000;

  /** From now on; processes already running get it too. */
  script(revisionId: string, script: Partial<PlatformScript>): void {
    this.#scripts.set(revisionId, { ...HEALTHY_SCRIPT, ...script });
  }

  scriptOf(revisionId: string): PlatformScript {
    return this.#scripts.get(revisionId) ?? HEALTHY_SCRIPT;
  }

  start(revision: Revision, nowMs: number): void {
    const number = this.#nextNumber.get(revision.id) ?? 1;
    this.#nextNumber.set(revision.id, number + 1);
    const instance = newMemoryInstance({ revision, number, pid: this.#nextPid, nowMs });
    this.#nextPid += 1;
    this.instances.set(instance.id, instance);
    this.log(instance, 'stdout', 'started');
  }

  /** Lets everything happen that is due by now. */
  moveTo(nowMs: number): void {
    for (const instance of this.instances.values()) {
      const script = this.scriptOf(instance.revision.id);
      for (const text of advance(instance, script, nowMs)) this.log(instance, 'stderr', text);
      if (instance.goneAtMs !== null && instance.goneAtMs <= nowMs)
        this.instances.delete(instance.id);
    }
  }

  /** Writes a line as if the instance had. */
  log(instance: MemoryInstance, stream: LogLine['stream'], text: string): void {
    const { id: revisionId, service } = instance.revision;
    this.#lines.push({ revisionId, service, line: { instanceId: instance.id, stream, text } });
    for (const wake of this.#readers) wake();
  }

  lines(query: LogQuery): readonly LogLine[] {
    return this.#lines
      .filter((entry) => entry.service === query.service)
      .filter((entry) => query.revisionId === null || entry.revisionId === query.revisionId)
      .filter((entry) => query.instanceId === null || entry.line.instanceId === query.instanceId)
      .map((entry) => entry.line);
  }

  /** Resolves with the next line of anyone, or when the signal is aborted. */
  nextLine(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#readers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#readers.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}

/** A platform for tests and simulation. Disposing it, or letting it go, leaves the machine as it is. */
export class MemoryPlatform implements Platform, AsyncDisposable {
  readonly #clock: Clock;
  readonly #machine: MemoryMachine;

  constructor(options: { readonly clock: Clock; readonly machine: MemoryMachine }) {
    this.#clock = options.clock;
    this.#machine = options.machine;
  }

  async ensure(revision: Revision, count: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    assert.ok(Number.isInteger(count) && count >= 0, `count ${count} must be an integer >= 0`);
    const script = this.#machine.scriptOf(revision.id);
    if (script.ensureTakesMs > 0) await this.#clock.sleep(script.ensureTakesMs, signal);
    this.#failAsScripted(revision);
    const present = this.#of(revision.id).filter((instance) => instance.goneAtMs === null);
    for (let missing = count - present.length; missing > 0; missing -= 1) {
      this.#machine.start(revision, this.#clock.nowMs());
    }
    await this.#stopAll(present.slice(count), signal);
  }

  async replace(
    revision: Revision,
    wanted: { readonly instanceId: string; readonly count: number },
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const going = this.#of(revision.id).filter((instance) => instance.id === wanted.instanceId);
    // Marked as going before the others are counted.
    const stopped = this.#stopAll(going, signal);
    await Promise.all([stopped, this.ensure(revision, wanted.count, signal)]);
  }

  async stop(revision: Revision, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#stopAll(this.#of(revision.id), signal);
  }

  async observe(signal: AbortSignal): Promise<readonly Instance[]> {
    signal.throwIfAborted();
    const nowMs = this.#clock.nowMs();
    this.#machine.moveTo(nowMs);
    return Array.from(this.#machine.instances.values(), (instance) =>
      viewOf(instance, this.#machine.scriptOf(instance.revision.id), nowMs),
    );
  }

  async *logs(query: LogQuery, signal: AbortSignal): AsyncGenerator<LogLine> {
    const before = this.#machine.lines(query);
    for (const id of new Set(before.map((line) => line.instanceId))) {
      const own = before.filter((line) => line.instanceId === id);
      yield* own.slice(Math.max(0, own.length - query.tailLines));
    }
    let seen = before.length;
    while (query.follow && !signal.aborted) {
      // Looking and waiting without a turn between them, so that no line comes unseen.
      const fresh = this.#machine.lines(query).slice(seen);
      if (fresh.length === 0) await this.#machine.nextLine(signal);
      seen += fresh.length;
      yield* fresh;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is held: no timer, no watch.
  }

  #of(revisionId: string): readonly MemoryInstance[] {
    this.#machine.moveTo(this.#clock.nowMs());
    return [...this.#machine.instances.values()].filter(
      (instance) => instance.revision.id === revisionId,
    );
  }

  /** Marks first, then waits, so that calls at the same time share one stop. */
  async #stopAll(instances: readonly MemoryInstance[], signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.nowMs();
    for (const instance of instances) {
      const { stopTakesMs } = this.#machine.scriptOf(instance.revision.id);
      const graceMs = instance.revision.health.stopGraceMs;
      instance.goneAtMs ??= nowMs + Math.min(stopTakesMs, graceMs);
    }
    const lastMs = Math.max(nowMs, ...instances.map((instance) => instance.goneAtMs ?? nowMs));
    if (lastMs > nowMs) await this.#clock.sleep(lastMs - nowMs, signal);
    this.#machine.moveTo(this.#clock.nowMs());
  }

  #failAsScripted(revision: Revision): void {
    const script = this.#machine.scriptOf(revision.id);
    if (script.ensureFailures <= 0) return;
    this.#machine.script(revision.id, { ...script, ensureFailures: script.ensureFailures - 1 });
    throw new PlatformError('start-failed', `cannot start ${revision.id}: scripted failure`, {
      retryable: true,
    });
  }
}
