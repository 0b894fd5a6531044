import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Revision } from '../../domain/release/revision.ts';
import type { Clock } from '../../ports/clock.ts';
import { PlatformError } from '../../ports/platform.ts';
import type { Instance, LogLine, LogQuery, Platform } from '../../ports/platform.ts';
import type { InstanceUse, UsageSource } from '../../ports/usage-source.ts';
import type { CgroupWish } from './limits/cgroup-place.ts';
import type { WorkloadIdentities } from '../../ports/workload-identities.ts';
import { ConfigStore } from './config-store.ts';
import { LimitHolder } from './limits/hold-limits.ts';
import type { Environment } from './instance-environment.ts';
import type { Surroundings } from './instance-life.ts';
import { RECORD_FORMAT, type InstanceRecord } from './instance-record.ts';
import { InstanceStore } from './instance-store.ts';
import { InstanceSupervisor } from './instance-supervisor.ts';
import { LogFiles, ownerOf, rotateWhenOver } from './logs/log-files.ts';
import { pause } from './pause.ts';
import { PortPool } from './port-pool.ts';
import { readBootId } from './process-table.ts';
import { readLogs } from './logs/read-logs.ts';
import { SecretReader } from './secret-source.ts';
import { LOCAL_PROCESS_DEFAULTS, type LocalProcessSettings } from './settings.ts';

export interface LocalProcessOptions {
  /** State and logs; of one platform object at a time (the server holds the lock). */
  readonly folder: string;
  readonly clock: Clock;
  /** Handed to instances as TIDEGATE_GATEWAY. */
  readonly gatewayUrl: string;
  /** Where instances ask for flags; absent, and null: nowhere. */
  readonly flagsUrl?: () => string | null;
  /** The server's environment; instances get PATH, HOME, LANG and TZ of it and nothing else. */
  readonly environment: Environment;
  /** Resolves when nothing is sent to the instance any more; called before a failed probe ends a process. Absent: nobody sends. */
  readonly beforeEnd?: (instanceId: string, signal: AbortSignal) => Promise<void>;
  /** Where instances get their cgroups; absent: nowhere, their memory is watched. */
  readonly cgroups?: CgroupWish;
  /** Called once, when the kernel can't be given a limit that a revision has, and each time that this process can't look at instances. */
  readonly onTrouble?: (sentence: string) => void;
  /** Absent: no instance has a certificate. */
  readonly identities?: WorkloadIdentities;
  /** Unset: the defaults. */
  readonly settings?: Partial<LocalProcessSettings>;
}

/** Instances found in the folder are supervised again; each was probed once when this resolves. */
export async function openLocalProcessPlatform(
  options: LocalProcessOptions,
): Promise<LocalProcessPlatform> {
  const settings = { ...LOCAL_PROCESS_DEFAULTS, ...options.settings };
  const closing = new AbortController();
  const { onTrouble = () => undefined } = options;
  const world: Surroundings = {
    store: await InstanceStore.open(options.folder),
    logs: new LogFiles(options.folder),
    ports: new PortPool(settings),
    clock: options.clock,
    settings,
    bootId: readBootId(),
    inherited: options.environment,
    gatewayUrl: options.gatewayUrl,
    flagsUrl: options.flagsUrl ?? (() => null),
    beforeEnd: options.beforeEnd ?? (() => Promise.resolve()),
    secrets: await SecretReader.open(
      join(options.folder, 'secret-digests.key'),
      options.environment,
    ),
    configs: await ConfigStore.open(join(options.folder, 'config')),
    identities: options.identities ?? null,
    limits: new LimitHolder({
      wish: options.cgroups ?? 'off',
      platformFolder: options.folder,
      onTrouble,
    }),
    onTrouble,
    closed: closing.signal,
  };
  await world.logs.prepare();
  const platform = new LocalProcessPlatform(world, closing);
  await platform.resume(await world.store.readAll());
  return platform;
}

/**
 * Instances as process groups of this machine. They belong to nobody: disposing ends probes, timers and restarts, and
 * leaves every instance running for the next object over the same folder.
 *
 * An aborted call stops waiting; what it began is finished, because half a start or half a stop helps nobody.
 */
export class LocalProcessPlatform implements Platform, UsageSource, AsyncDisposable {
  readonly #world: Surroundings;
  readonly #closing: AbortController;
  readonly #supervisors = new Map<string, InstanceSupervisor>();
  #isBlind = false;
  #housekeeping: Promise<unknown> = Promise.resolve();

  /** Use `openLocalProcessPlatform`. */
  constructor(world: Surroundings, closing: AbortController) {
    this.#world = world;
    this.#closing = closing;
  }

  /** What reads the secrets of its instances, and keeps their config files: for who makes revisions. */
  get inputs(): { readonly secrets: SecretReader; readonly configs: ConfigStore } {
    return { secrets: this.#world.secrets, configs: this.#world.configs };
  }

  async resume(records: readonly InstanceRecord[]): Promise<void> {
    const sorted = records.toSorted(
      (a, b) => a.revision.id.localeCompare(b.revision.id) || a.number - b.number,
    );
    await Promise.all(sorted.map((record) => this.#add(record).resume()));
    this.#tidyCgroups();
    this.#housekeeping = Promise.all([this.#keepHouse(), this.#watchLimits()]);
  }

  async ensure(revision: Revision, count: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    assert.ok(Number.isInteger(count) && count >= 0, `count ${count} must be an integer >= 0`);
    checkName(revision);
    const present = this.#of(revision.id).filter((supervisor) => !supervisor.isStopping);
    const kept = present.slice(0, count);
    const surplus = present.slice(count);
    // Registered before anything is awaited: a call at the same time sees them and starts no others.
    const fresh = Array.from({ length: count - kept.length }, () =>
      this.#add(this.#draft(revision)),
    );
    const numbered =
      fresh.length === 0 ? Promise.resolve() : this.#world.store.keepNumbers(revision.id);
    await allDone(
      [
        ...kept.map((supervisor) => supervisor.begun),
        ...fresh.map((supervisor) => supervisor.start(numbered)),
        ...surplus.map((supervisor) => supervisor.stop()),
      ],
      signal,
    );
  }

  async replace(
    revision: Revision,
    wanted: { readonly instanceId: string; readonly count: number },
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const going = this.#of(revision.id).filter(({ id }) => id === wanted.instanceId);
    // The stop is begun first, so that the one that goes is not counted among those that stay.
    const stops = going.map((supervisor) => supervisor.stop());
    await allDone([...stops, this.ensure(revision, wanted.count, signal)], signal);
  }

  async stop(revision: Revision, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await allDone(
      this.#of(revision.id).map((supervisor) => supervisor.stop()),
      signal,
    );
  }

  async observe(signal: AbortSignal): Promise<readonly Instance[]> {
    signal.throwIfAborted();
    return Array.from(this.#supervisors.values(), (supervisor) => supervisor.snapshot());
  }

  async usage(signal: AbortSignal): Promise<readonly InstanceUse[]> {
    signal.throwIfAborted();
    return [...this.#supervisors.values()].flatMap((supervisor) => supervisor.use() ?? []);
  }

  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<LogLine> {
    const { logs, clock, settings, closed } = this.#world;
    const reading = { files: logs, clock, pollIntervalMs: settings.logPollIntervalMs };
    return readLogs(reading, query, AbortSignal.any([signal, closed]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#housekeeping;
    await Promise.all(Array.from(this.#supervisors.values(), (supervisor) => supervisor.settled()));
    this.#tidyCgroups();
  }

  /** Oldest first. */
  #of(revisionId: string): readonly InstanceSupervisor[] {
    return [...this.#supervisors.values()]
      .filter((supervisor) => supervisor.revisionId === revisionId)
      .sort((a, b) => a.number - b.number);
  }

  #add(record: InstanceRecord): InstanceSupervisor {
    const supervisor = new InstanceSupervisor(this.#world, record, (id) => {
      this.#supervisors.delete(id);
    });
    this.#supervisors.set(record.id, supervisor);
    return supervisor;
  }

  #draft(revision: Revision): InstanceRecord {
    const number = this.#world.store.takeNumber(revision.id);
    return {
      format: RECORD_FORMAT,
      id: `${revision.id}-${number}`,
      number,
      wanted: 'running',
      revision,
      launch: null,
      restarts: 0,
      crashesInARow: 0,
      reason: null,
    };
  }

  async #watchLimits(): Promise<void> {
    const { clock, settings, closed } = this.#world;
    while (!closed.aborted) {
      for (const supervisor of this.#supervisors.values()) supervisor.checkLimit();
      await pause(clock, settings.limitCheckIntervalMs, closed);
    }
  }

  /** What a server that was killed left, and at the end the place itself when no instance has a cgroup in it. */
  #tidyCgroups(): void {
    const kept = Array.from(this.#supervisors.values(), ({ cgroup }) => cgroup);
    this.#world.limits.tidy(new Set(kept.filter((each) => each !== null)));
  }

  async #keepHouse(): Promise<void> {
    const { clock, settings, closed } = this.#world;
    while (!closed.aborted) {
      this.#sample();
      await this.#tidyLogs().catch(() => {
        // A full or read-only disk: the logs stay as they are, and the next round tries again.
      });
      await pause(clock, settings.sampleIntervalMs, closed);
    }
  }

  /** Said once each time it begins; what runs is not touched. */
  #sample(): void {
    try {
      for (const supervisor of this.#supervisors.values()) supervisor.sample();
      this.#isBlind = false;
    } catch (cause) {
      if (!this.#isBlind) this.#world.onTrouble(blindText(cause));
      this.#isBlind = true;
    }
  }

  async #tidyLogs(): Promise<void> {
    const { logs, settings } = this.#world;
    const goneByService = new Map<string, string[]>();
    for (const id of await logs.instanceIds()) {
      if (this.#supervisors.has(id)) {
        for (const file of logs.of(id)) await rotateWhenOver(file, settings.logSizeMaxBytes);
        continue;
      }
      const { service } = ownerOf(id);
      goneByService.set(service, [...(goneByService.get(service) ?? []), id]);
    }
    for (const ids of goneByService.values()) {
      if (ids.length > settings.goneInstancesKept) {
        await logs.forgetOldest(ids, settings.goneInstancesKept);
      }
    }
  }
}

/**
 * Waits for all, even when one fails, and throws the first failure. The signal is not passed on to the works but raced
 * against them: they are shared by callers and finished in any case.
 */
async function allDone(works: readonly Promise<void>[], signal: AbortSignal): Promise<void> {
  const done = Promise.allSettled(works);
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const results = await Promise.race([done, aborted.promise]);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function blindText(cause: unknown): string {
  const why = cause instanceof Error ? cause.message : String(cause);
  return `cannot look at instances, which run on and are not blamed for it: ${why}; raise the limit of open files (ulimit -n, LimitNOFILE=) if that is short`;
}

/** Ids become names of files, so they may not lead elsewhere. */
function checkName(revision: Revision): void {
  if (/^[a-z0-9][a-z0-9._-]*$/i.test(revision.id)) return;
  throw new PlatformError(
    'start-failed',
    `cannot start revision ${JSON.stringify(revision.id)}: its id may hold letters, digits, dot, dash and underscore only`,
    { retryable: false },
  );
}
