import type { ProbeSet, Standing } from '../../domain/health/instance-probes.ts';
import type { ProbeResult, ProbeSpec, ProbeState } from '../../domain/health/probe.ts';
import type { Endpoint } from '../../domain/traffic/routing/route-table.ts';
import type { Instance, InstanceState } from '../../ports/platform.ts';
import { PlatformError } from '../../ports/platform.ts';
import type { InstanceUse } from '../../ports/usage-source.ts';
import { backoffMs, crashesAfter } from './crash-backoff.ts';
import {
  endGroup,
  endOf,
  lastWords,
  launch,
  leaveCgroup,
  recall,
  type Life,
  type Surroundings,
} from './instance-life.ts';
import type { InstanceRecord } from './instance-record.ts';
import { outOfMemoryOf, overLimitBytes } from './limits/out-of-memory.ts';
import { certificateEnd, endpointIdentity, identityVariables } from './instance-identity.ts';
import { meetAgain } from './meet-again.ts';
import { pause } from './pause.ts';
import { findPortThief } from './port-owner.ts';
import { measureGroup, signalGroup } from './process-group.ts';
import { probeInstance } from './probes/probe-instance.ts';
import { probeSetOf } from './probes/probe-set.ts';
import { type Ask, ProbeWatch } from './probes/probe-watch.ts';
import { stopGroup } from './stop-group.ts';
import { isForWantHere } from './want-here.ts';

/** Why a life is over. `isCrash`: the instance's own doing, counted as a restart. */
interface LifeEnd {
  readonly what: string;
  /** Null: ask its standard error. */
  readonly why: string | null;
  readonly isCrash: boolean;
  /** It runs on and is asked to end, as in a stop. */
  readonly isAsked?: boolean;
}

const FRESH: Standing = { state: 'starting', reason: null, end: null };

/**
 * Keeps one instance: starts it, probes it, starts it again after a crash, stops it.
 *
 * S1 One loop owns the instance: it alone launches and buries. `stop` ends the loop first and then acts itself, so two
 *    never act at once.
 * S2 Between a crash and the next start there is always the back-off, and before it the whole group is killed.
 * S3 Once stopping, nothing is started any more.
 * S4 Closing the platform ends the loop and touches no process.
 */
export class InstanceSupervisor {
  readonly #world: Surroundings;
  readonly #onGone: (id: string) => void;
  readonly #halt = new AbortController();
  /** Stopping or closed. */
  readonly #halted: AbortSignal;
  #record: InstanceRecord;
  #life: Life | null = null;
  #standing = FRESH;
  /** A probe has failed for good, and it is on its way out: it takes no requests. */
  #isEnding = false;
  /** What the probes said when it was found again, for those that follow. */
  #met: ProbeState | null = null;
  #usage = { cpuSeconds: 0, rssBytes: 0 };
  /** What it had when it was ended above its limit; null: it was not. */
  #overBytes: number | null = null;
  #isLaunching = true;
  #isGone = false;
  #begun: Promise<void> = Promise.resolve();
  #loop: Promise<void> = Promise.resolve();
  #stop: Promise<void> | null = null;
  /** Why the loop itself cannot go on, say a full disk; tried again until it can. */
  #trouble: string | null = null;

  constructor(world: Surroundings, record: InstanceRecord, onGone: (id: string) => void) {
    this.#world = world;
    this.#record = record;
    this.#onGone = onGone;
    this.#halted = AbortSignal.any([this.#halt.signal, world.closed]);
  }

  get id(): string {
    return this.#record.id;
  }

  get number(): number {
    return this.#record.number;
  }

  get revisionId(): string {
    return this.#record.revision.id;
  }

  /** Null: it has none. */
  get cgroup(): string | null {
    return this.#record.launch?.held?.cgroup ?? null;
  }

  get isStopping(): boolean {
    return this.#halt.signal.aborted;
  }

  /** Settles with the first start, or with having found the instance again. */
  get begun(): Promise<void> {
    return this.#begun;
  }

  /** First start of a new instance, after `prepared`. When it fails, the instance is gone again. */
  start(prepared: Promise<void>): Promise<void> {
    return this.#begin(async () => {
      try {
        await prepared;
        await this.#launch();
      } catch (cause) {
        // What could not be removed is found by the next server, and is one too many then.
        await this.#world.store.remove(this.id).catch(() => undefined);
        await this.#world.identities?.withdraw(this.id).catch(() => undefined);
        this.#leave();
        throw asPlatformError('start', this.id, cause);
      }
    });
  }

  /** Takes over what an earlier server wrote down. Resolves when the first probe has said how it is. */
  resume(): Promise<void> {
    return this.#begin(() => this.#findAgain());
  }

  /** Calls at the same time share one stop; a failed one can be tried again. */
  stop(): Promise<void> {
    this.#halt.abort();
    this.#stop ??= this.#stopOnce().catch((cause: unknown) => {
      this.#stop = null;
      this.#trouble = String(cause);
      throw asPlatformError('stop', this.id, cause);
    });
    return this.#stop;
  }

  /** After the platform was closed: everything begun has ended. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#begun, this.#stop]);
    await this.#loop;
  }

  /** Throws when the machine has nothing left to look with; what was seen last stays. */
  sample(): void {
    if (this.#life !== null) this.#usage = measureGroup(this.#life.identity);
  }

  /** Ends it at once when it is over a limit that no cgroup holds, as the kernel would; the loop buries it (S1). */
  checkLimit(): void {
    const life = this.#life;
    if (life === null || this.#halted.aborted || this.#overBytes !== null) return;
    try {
      this.#overBytes = overLimitBytes(life);
      if (this.#overBytes === null) return;
      signalGroup(life.identity, 'SIGKILL');
    } catch (cause) {
      this.#overBytes = null;
      // What can't be looked at now is looked at again at once; the platform says so.
      if (!isForWantHere(cause)) this.#trouble = String(cause);
    }
  }

  /** Measured now; null: no process runs. */
  use(): InstanceUse | null {
    const life = this.#life;
    if (life === null) return null;
    const { cpuSeconds, rssBytes: memoryBytes } = measured(this.id, life);
    const measuredAtMs = this.#world.clock.nowMs();
    const { startedAtMs } = life;
    return { instanceId: this.id, measuredAtMs, startedAtMs, cpuSeconds, memoryBytes };
  }

  snapshot(): Instance {
    const { id, revision, restarts, outOfMemory } = this.#record;
    const life = this.#life;
    const limits = life?.held?.limits;
    return {
      id,
      service: revision.service,
      revisionId: revision.id,
      state: this.#state(),
      endpoint: life === null ? null : this.#endpoint(life.port),
      pid: life?.identity.pid ?? null,
      startedAtMs: life?.startedAtMs ?? null,
      restarts,
      reason: this.#trouble ?? this.#standing.end ?? this.#standing.reason ?? this.#record.reason,
      ...this.#usage,
      ...certificateEnd(this.#world.identities, id),
      ...(limits === undefined ? {} : { limits }),
      ...(outOfMemory === undefined ? {} : { outOfMemory }),
    };
  }

  #endpoint(port: number): Endpoint {
    const identity = endpointIdentity(this.#world.identities, this.#record);
    return { ...endpointOf(this.#record, port), ...identity };
  }

  #state(): InstanceState {
    if (this.isStopping) return 'stopping';
    if (this.#life !== null && !this.#isEnding) return this.#standing.state;
    return this.#isLaunching ? 'starting' : 'backing-off';
  }

  #begin(first: () => Promise<void>): Promise<void> {
    this.#begun = first().then(() => {
      this.#loop = this.#supervise();
    });
    // Whoever waits for it hears of the failure; nobody has to.
    this.#begun.catch(() => undefined);
    return this.#begun;
  }

  async #supervise(): Promise<void> {
    while (!this.#halted.aborted) {
      try {
        if (this.#life === null) await this.#startAgain();
        else await this.#liveThrough(this.#life);
        this.#trouble = null;
      } catch (cause) {
        this.#trouble = String(cause);
        await pause(this.#world.clock, this.#world.settings.probeIntervalMs, this.#halted);
      }
    }
  }

  async #startAgain(): Promise<void> {
    const { clock, settings } = this.#world;
    await pause(clock, backoffMs(Math.max(1, this.#record.crashesInARow), settings), this.#halted);
    if (this.#halted.aborted) return;
    try {
      await this.#launch();
    } catch (cause) {
      // Retried like a crash, however final it looks: a person may put the command or folder back.
      const reason = cause instanceof PlatformError ? cause.message : String(cause);
      const crashesInARow = this.#record.crashesInARow + 1;
      this.#record = { ...this.#record, launch: null, crashesInARow, reason };
      await this.#world.store.save(this.#record);
    }
  }

  async #launch(): Promise<void> {
    this.#isLaunching = true;
    try {
      const { life, record } = await launch(this.#world, this.#record);
      this.#standing = FRESH;
      this.#met = null;
      this.#overBytes = null;
      this.#life = life;
      this.#record = record;
    } finally {
      this.#isLaunching = false;
    }
  }

  async #liveThrough(life: Life): Promise<void> {
    const signals = life.ended === null ? [this.#halted] : [this.#halted, life.ended];
    const wake = AbortSignal.any(signals);
    const end = await this.#watchOver(life, wake);
    if (end === null) return;
    if (end.isAsked === true && !(await this.#askToEnd(life))) return;
    return this.#bury(life, end);
  }

  /** Null: halted. */
  async #watchOver(life: Life, wake: AbortSignal): Promise<LifeEnd | null> {
    const { settings } = this.#world;
    await using watch = this.#watch(life);
    while (!this.#halted.aborted) {
      const end = this.#naturalEnd(life) ?? (await this.#judge(life, watch));
      if (end !== null) return end;
      await watch.next(settings.probeIntervalMs, wake);
    }
    return null;
  }

  #naturalEnd(life: Life): LifeEnd | null {
    const what = endOf(life);
    return what === null ? null : { what, why: null, isCrash: true };
  }

  #watch(life: Life): ProbeWatch {
    const { clock } = this.#world;
    const { startedAtMs } = life;
    const wasReady = this.#record.launch?.wasReady === true;
    const ask: Ask = (spec, signal) => this.#ask(life, spec, signal);
    const met = this.#met;
    return new ProbeWatch(
      { set: this.#probeSet(), ask, clock },
      { startedAtMs, wasReady, ...(met === null ? {} : { readiness: met }) },
    );
  }

  #ask({ port, identity }: Life, spec: ProbeSpec, signal: AbortSignal): Promise<ProbeResult> {
    const { launchId } = identity;
    return probeInstance(this.#world, this.#record, { spec, port, launchId }, signal);
  }

  #probeSet(): ProbeSet {
    return probeSetOf(this.#record.revision, this.#world.settings);
  }

  /**
   * As in a stop: nothing new is sent to it, and it has time to end what it has. Who sends may not hold up the end for long, as what
   * it has may hang. False: halted meanwhile, and who halted us goes on.
   */
  async #askToEnd({ identity }: Life): Promise<boolean> {
    const { clock, settings, beforeEnd } = this.#world;
    const graceMs = this.#record.revision.health.stopGraceMs;
    this.#isEnding = true;
    const bound = AbortSignal.any([this.#halted, AbortSignal.timeout(settings.withdrawMaxMs)]);
    // Too late, or the router is away: the process has failed all the same.
    await beforeEnd(this.id, bound).catch(() => undefined);
    return stopGroup({ identity, graceMs, clock, settings }, this.#halted);
  }

  /** What the probes have come to. Null: the process is to be kept. */
  async #judge(life: Life, watch: ProbeWatch): Promise<LifeEnd | null> {
    if (watch.wasReady && this.#record.launch?.wasReady === false) {
      const thief = findPortThief(life.port, life.identity);
      if (thief !== null) return portStolen(life.port, thief.pid);
      // Seen as ready already while that is written down: requests may wait for it.
      this.#standing = watch.standing();
      await this.#writeReady();
    }
    this.#standing = watch.standing();
    const why = this.#standing.end;
    return why === null ? null : { what: 'killed', why, isCrash: true, isAsked: true };
  }

  /** So that the next server does not take traffic from an instance only because it has just met it. */
  async #writeReady(): Promise<void> {
    const { launch } = this.#record;
    if (launch === null) return;
    this.#record = { ...this.#record, launch: { ...launch, wasReady: true } };
    await this.#world.store.save(this.#record);
  }

  async #bury(life: Life, end: LifeEnd): Promise<void> {
    const { clock, settings, ports, store } = this.#world;
    const livedMs = clock.nowMs() - life.startedAtMs;
    const { restarts, crashesInARow, outOfMemory: before } = this.#record;
    const seen = { overBytes: this.#overBytes, atMs: clock.nowMs(), before };
    const ended = outOfMemoryOf(life, seen);
    await endGroup(this.#world, life.identity);
    await leaveCgroup(this.#world, life);
    const { what } = ended ?? end;
    const why = ended?.why ?? end.why ?? (await lastWords(this.#world, this.id, life));
    ports.release(life.port);
    this.#life = null;
    this.#isEnding = false;
    this.#standing = FRESH;
    this.#usage = { cpuSeconds: 0, rssBytes: 0 };
    this.#record = {
      ...this.#record,
      launch: null,
      restarts: end.isCrash ? restarts + 1 : restarts,
      crashesInARow: crashesAfter(crashesInARow, livedMs, settings),
      ...(ended === null ? {} : { outOfMemory: ended.outOfMemory }),
      reason: `${what} after ${(livedMs / 1_000).toFixed(1)} s${why === null ? '' : `: ${why}`}`,
    };
    await store.save(this.#record);
  }

  async #findAgain(): Promise<void> {
    const written = this.#record.launch;
    this.#life = await recall(this.#world, this.#record);
    this.#isLaunching = false;
    if (this.#life !== null) this.#world.ports.reserve(this.#life.port);
    // It is renewed from here on; one that can have none now shows it at its next start.
    await identityVariables(this.#world.identities, this.#record).catch(() => undefined);
    if (this.#record.wanted === 'stopped') {
      // Begun by an earlier server and carried on here; a failure shows as the reason and at the next stop.
      this.stop().catch(() => undefined);
    } else if (this.#life === null) {
      // The machine was started anew, or the process never was: nobody's crash. Only a back-off is waited for.
      if (written !== null) await this.#launchQuietly();
    } else if (endOf(this.#life) === null) {
      await this.#meet(this.#life, written?.wasReady === true);
    } else {
      const what = 'ended while no server watched it, at most';
      await this.#bury(this.#life, { what, why: null, isCrash: true });
    }
  }

  /** A failure is a matter of the loop, which tries again; the other instances are found again all the same. */
  async #launchQuietly(): Promise<void> {
    await this.#launch().catch((cause: unknown) => {
      this.#record = { ...this.#record, launch: null, reason: String(cause) };
    });
  }

  async #meet(life: Life, wasReady: boolean): Promise<void> {
    const { clock, settings } = this.#world;
    const set = this.#probeSet();
    const ask: Ask = (spec, signal) => this.#ask(life, spec, signal);
    this.#met = await meetAgain({ set, wasReady, ask, clock, settings }, this.#halted);
    this.#standing = this.#watch(life).standing();
  }

  async #stopOnce(): Promise<void> {
    await Promise.allSettled([this.#begun]);
    await this.#loop;
    if (this.#isGone) return;
    const { store, clock, settings, closed, ports } = this.#world;
    this.#record = { ...this.#record, wanted: 'stopped' };
    // So that a next opening carries on. A disk that is full must not keep a process alive, though: then a death of this
    // process meanwhile brings the instance back, until it is ordered to stop again.
    await store.save(this.#record).catch(() => undefined);
    if (this.#life !== null) {
      const { identity, port } = this.#life;
      const graceMs = this.#record.revision.health.stopGraceMs;
      const isStopped = await stopGroup({ identity, graceMs, clock, settings }, closed);
      if (!isStopped) throw closedWhileStopping(this.id);
      await leaveCgroup(this.#world, this.#life);
      ports.release(port);
    }
    await this.#world.configs.remove(this.id);
    await this.#world.identities?.withdraw(this.id);
    await store.remove(this.id);
    this.#leave();
  }

  #leave(): void {
    this.#isGone = true;
    this.#onGone(this.id);
  }
}

/** A disk that is full or descriptors that are out pass: what could not be written down is tried again, and is no defect. */
function asPlatformError(what: 'start' | 'stop', id: string, cause: unknown): PlatformError {
  if (cause instanceof PlatformError) return cause;
  const message = `cannot ${what} ${id}: ${cause instanceof Error ? cause.message : String(cause)}`;
  return new PlatformError(`${what}-failed`, message, { retryable: true, cause });
}

function measured(id: string, { identity }: Life): ReturnType<typeof measureGroup> {
  try {
    return measureGroup(identity);
  } catch (cause) {
    const message = `cannot see what ${id} uses: ${String(cause)}`;
    throw new PlatformError('state-unreadable', message, { retryable: true, cause });
  }
}

function portStolen(port: number, pid: number): LifeEnd {
  const why = `port ${port} is answered by process ${pid}, not by the instance; the next start gets another`;
  return { what: 'killed', why, isCrash: false };
}

function closedWhileStopping(id: string): PlatformError {
  return new PlatformError(
    'stop-failed',
    `cannot finish stopping ${id}: the platform was closed; its next opening carries on`,
    { retryable: true },
  );
}

function endpointOf({ id, number, revision }: InstanceRecord, port: number): Endpoint {
  const { appProtocol, zones = [] } = revision;
  // On one machine a zone is a name only: it shows how callers are served when one is lost.
  const zone = zones[(number - 1) % zones.length];
  return {
    instanceId: id,
    host: '127.0.0.1',
    port,
    ...(appProtocol === undefined ? {} : { appProtocol }),
    ...(zone === undefined ? {} : { zone }),
  };
}
