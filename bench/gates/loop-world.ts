import { MemoryLedgerStore } from '../../src/adapters/memory/memory-ledger-store.ts';
import { MemoryMachine, MemoryPlatform } from '../../src/adapters/memory/memory-platform.ts';
import { MemoryRouter } from '../../src/adapters/memory/memory-router.ts';
import { createMemorySigner } from '../../src/adapters/memory/memory-signer.ts';
import { ControlLoop } from '../../src/control/loop/loop.ts';
import { openRecorder } from '../../src/control/recording/recorder.ts';
import type { ReleaseRecord } from '../../src/domain/release/service-state.ts';
import type { ServiceSpec } from '../../src/domain/release/revision.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Signer } from '../../src/ports/identity.ts';
import type { LedgerStore } from '../../src/ports/ledger-store.ts';
import type { TrafficRouter } from '../../src/ports/traffic-router.ts';
import { ProcessClock, VirtualTime } from '../../test/simulation/virtual-clock.ts';
import { poisson, type Random, seeded } from './random.ts';
import { studySettings } from './study-settings.ts';

/** A release through the product's own decider, loop, recorder and route table, in virtual time. */
export interface LoopCase {
  readonly name: string;
  readonly requestsPerSecond: number;
  readonly candidatePercent: number;
  readonly candidates: number;
  readonly stables: number;
  readonly candidateRatio: number;
  readonly stableRatio: number;
  readonly incidentMs: number;
  /** Of every instance of both arms alike. */
  readonly bursts: { readonly lastMs: number; readonly meanMsBetween: number } | null;
  /** The release is watched this long after its weight is in force. */
  readonly untilMs: number;
}

export interface LoopEnd {
  /** Requests that the candidate failed, for any reason, until nothing was sent to it. */
  readonly failedRequests: number;
  /** From the weight in force until the way back was; null: it did not go back. */
  readonly backMs: number | null;
  readonly parkings: number;
}

/** As the gateway does: often after a table with a split, else now and then. */
const quickReportMs = 20;
const slowReportMs = 100;
const quickForMs = 10_000;
/** Assumed: one append with its flush to disk, and one table to the gateway and back. */
const appendMs = 3;
const applyMs = 2;
const tickMs = 100;
/** Of the requests to an instance in an incident. */
const incidentFailureRatio = 0.9;
const startMs = 1_000_000;
const forever = new AbortController().signal;
/** Signatures that are none: virtual time does not wait for what takes real time. */
const signer: Signer = {
  ...createMemorySigner(Buffer.alloc(32, 1)),
  sign: () => Promise.resolve(new Uint8Array(64)),
};

export async function runLoopRelease(of: LoopCase, run: number): Promise<LoopEnd> {
  const world = new LoopReleaseWorld(of, run);
  return world.run();
}

class LoopReleaseWorld {
  readonly #case: LoopCase;
  readonly #random: Random;
  readonly #time = new VirtualTime(startMs);
  readonly #clock = new ProcessClock(this.#time, 0);
  readonly #machine = new MemoryMachine();
  readonly #router = new MemoryRouter(this.#clock);
  readonly #incidentAtMs = new Map<string, number>();
  #splitAtMs = -Infinity;
  #failedRequests = 0;
  #parkings = 0;
  #inForceMs: number | null = null;
  #backMs: number | null = null;

  constructor(of: LoopCase, run: number) {
    this.#case = of;
    this.#random = seeded(of.name, run);
  }

  async run(): Promise<LoopEnd> {
    const stop = new AbortController();
    const opening = this.#open();
    // The recorder's first entry takes its time, too.
    await this.#time.advance(startMs + 100);
    const loop = await opening;
    const done = loop.run(stop.signal);
    // Aborted at the end; a defect is thrown by the last line but one.
    done.catch(() => undefined);
    const by = { who: 'bench', why: null };
    const apply = (isCandidate: boolean): Promise<unknown> =>
      loop.submit('web', { kind: 'apply', spec: this.#spec(isCandidate), by }, forever);
    void apply(false);
    await this.#time.advance(startMs + 3_000);
    this.#serveLater();
    await this.#time.advance(startMs + 10_000);
    void apply(true);
    const isOver = (): boolean => this.#backMs !== null;
    await this.#time.advance(startMs + 12_000 + this.#case.untilMs, isOver);
    if (this.#inForceMs === null) throw new Error(`${this.#case.name}: no share was ever in force`);
    stop.abort(new Error('the release is over'));
    // Whatever was begun is finished, an append for one.
    await this.#time.advance(this.#time.nowMs + 1_000);
    await done;
    const backMs = this.#backMs === null ? null : this.#backMs - this.#inForceMs;
    return { failedRequests: this.#failedRequests, backMs, parkings: this.#parkings };
  }

  async #open(): Promise<ControlLoop> {
    const clock = this.#clock;
    const store = slowStore(new MemoryLedgerStore(), clock);
    const recorder = await openRecorder({ store, signer, clock, version: '0' }, forever);
    const platform = new MemoryPlatform({ clock, machine: this.#machine });
    const router = this.#slowRouter();
    const parts = { platform, router, metrics: this.#router, recorder, clock };
    return new ControlLoop(parts, { tickMs, onRecord: (record) => this.#see(record) }, new Map());
  }

  #see({ decision, toRevisionId }: ReleaseRecord): void {
    if (decision === 'park' && toRevisionId === candidateId) this.#parkings += 1;
  }

  #slowRouter(): TrafficRouter {
    const router = this.#router;
    return {
      apply: async (table, signal) => {
        await this.#clock.sleep(applyMs, signal);
        await router.apply(table, signal);
        const shares = table.routes.flatMap((route) => route.backends);
        const share = shares.find((each) => each.revisionId === candidateId)?.weightPercent ?? 0;
        if (shares.length > 1) this.#splitAtMs = this.#time.nowMs;
        if (share > 0) this.#inForceMs ??= this.#time.nowMs;
      },
      drain: async (id, signal) => {
        // Only what has gone back for good is drained here: nothing is promoted and nothing replaced.
        if (id === candidateId) this.#backMs ??= this.#time.nowMs;
        await router.drain(id, signal);
      },
      version: (signal) => router.version(signal),
    };
  }

  #serveLater(): void {
    const isQuick = this.#time.nowMs - this.#splitAtMs < quickForMs;
    const intervalMs = isQuick ? quickReportMs : slowReportMs;
    this.#time.at(this.#time.nowMs + intervalMs, () => {
      const mean = (this.#case.requestsPerSecond * intervalMs) / 1000;
      const requests = poisson(this.#random, mean);
      this.#router.serve('web', requests, (revisionId, instanceId) => {
        const isFailed = this.#isFailed(revisionId, instanceId);
        if (isFailed && revisionId === candidateId) this.#failedRequests += 1;
        return { statusClass: isFailed ? 4 : 1, latencyBucket: 100 };
      });
      this.#serveLater();
    });
  }

  #isFailed(revisionId: string, instanceId: string): boolean {
    const { candidateRatio, stableRatio } = this.#case;
    const own = revisionId === candidateId ? candidateRatio : stableRatio;
    const ratio = this.#isInIncident(instanceId) ? Math.max(own, incidentFailureRatio) : own;
    return this.#random() < ratio;
  }

  #isInIncident(instanceId: string): boolean {
    const { bursts } = this.#case;
    if (bursts === null) return false;
    const { nowMs } = this.#time;
    const next = (fromMs: number): number =>
      fromMs - Math.log(1 - this.#random()) * bursts.meanMsBetween;
    let atMs = this.#incidentAtMs.get(instanceId) ?? next(nowMs);
    while (nowMs >= atMs + bursts.lastMs) atMs = next(atMs + bursts.lastMs);
    this.#incidentAtMs.set(instanceId, atMs);
    return nowMs >= atMs;
  }

  #spec(isCandidate: boolean): ServiceSpec {
    const { candidates, stables, candidatePercent, incidentMs } = this.#case;
    const id = isCandidate ? candidateId : stableId;
    const step = { match: null, atLeastMs: 0, wait: { kind: 'none' } } as const;
    return {
      name: 'web',
      host: 'web.localhost',
      requestTimeoutMs: 15_000,
      dependsOn: [],
      revision: {
        id,
        digest: '0'.repeat(64),
        service: 'web',
        version: null,
        command: ['node'],
        workingDirectory: '/',
        env: {},
        health: { readyPath: '/', livePath: null, stopGraceMs: 5_000, startTimeoutMs: 10_000 },
        instances: isCandidate ? candidates : stables,
      },
      plan: {
        steps: [
          { ...step, weightPercent: candidatePercent, gated: true },
          { ...step, weightPercent: 100, gated: false },
        ],
        // A soak as long as the release, so that it is judged all the time.
        gate: { ...studySettings, incidentMs, soakMs: 3_600_000, atMostMs: 7_200_000 },
        bakeMs: 0,
        objectives: [],
      },
    };
  }
}

const stableId = 'web-aaaaaaaaaa';
const candidateId = 'web-bbbbbbbbbb';

function slowStore(store: LedgerStore, clock: Clock): LedgerStore {
  return {
    append: async (batch, signal) => {
      await clock.sleep(appendMs, signal);
      return store.append(batch, signal);
    },
    head: (signal) => store.head(signal),
    read: (query, signal) => store.read(query, signal),
    blob: (sha256, signal) => store.blob(sha256, signal),
  };
}
