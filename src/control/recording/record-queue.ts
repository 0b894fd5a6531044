import type { Effect } from '../../domain/release/effect.ts';
import type { ReleaseRecord } from '../../domain/release/service-state.ts';
import type { Clock } from '../../ports/clock.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type { Recorder } from './recorder.ts';
import type { RecordBatch } from './recorder-draft.ts';
import { RecorderError } from './recorder-index.ts';

/** A record on its way into the ledger, and what may begin when it is there. */
export interface RecordJob {
  readonly record: ReleaseRecord;
  readonly batch: RecordBatch;
  readonly effects: readonly Effect[];
  /** Its effects give a new revision all of production's traffic: they wait for the anchor, when there is one. */
  readonly isPromotion: boolean;
  /** Called once, when the record is durable and its effects have begun. */
  readonly onDurable: (index: number | null) => void;
}

interface Waiting extends RecordJob {
  hasBegun: boolean;
  /** Effects of later ways back of the service that are in force: they must not be undone by this one's. */
  readonly overtakers: Effect[];
  readonly left: PromiseWithResolvers<void>;
  /** Aborted when nothing is waited for any more on its behalf. */
  readonly overtaken: AbortController;
}

/** Resolves when the effects of a promotion that entry `index` records may begin; rejects when aborted. */
export type Anchor = (service: string, index: number, signal: AbortSignal) => Promise<void>;

/** So many records wait for the ledger; then decisions wait for room. Some minutes of a full disk with ten rollouts. */
const waitingMax = 2_000;
const retryMs = 500;
/** Longer than any healthy append takes, short for a user who gets errors. */
const wayBackPatienceMs = 300;

/**
 * Records in the order of their decisions, and begins each one's effects when it is durable (C2). Decisions go on
 * meanwhile, so that a ledger in trouble doesn't keep a failing candidate from being found out.
 *
 * Q1  One record at a time, first come, first served; a full disk is waited out.
 * Q2  A way back (also that of a candidate which is only parked) begins when its record is durable, when the ledger is in
 *     trouble, or after `wayBackPatienceMs` (C3).
 * Q3  A traffic order that was decided before a way back never begins after it, nor an order for instances that it has orders for.
 * Q4  A promotion's effects wait for the anchor, and with them what was decided for the same service after it; records, other
 *     services and a way back don't wait.
 */
export class RecordQueue {
  readonly #recorder: Pick<Recorder, 'record'>;
  readonly #clock: Clock;
  readonly #begin: (service: string, effects: readonly Effect[]) => void;
  readonly #onTrouble: (message: string | null) => void;
  readonly #fail: (error: unknown) => void;
  readonly #anchor: Anchor | null;
  readonly #waiting: Waiting[] = [];
  /** By service: recorded, and behind a promotion that waits for its anchor. */
  readonly #held = new Map<string, HeldJobs>();
  #isInTrouble = false;
  #writing: Promise<void> | null = null;

  constructor(parts: {
    readonly recorder: Pick<Recorder, 'record'>;
    readonly clock: Clock;
    readonly begin: (service: string, effects: readonly Effect[]) => void;
    /** Called when the ledger cannot be written, and with null when it can again. */
    readonly onTrouble: (message: string | null) => void;
    /** Called with what is no passing trouble: the ledger is broken for good, or we are. */
    readonly fail: (error: unknown) => void;
    /** Absent: nothing waits. */
    readonly anchor?: Anchor;
  }) {
    this.#recorder = parts.recorder;
    this.#clock = parts.clock;
    this.#begin = parts.begin;
    this.#onTrouble = parts.onTrouble;
    this.#fail = parts.fail;
    this.#anchor = parts.anchor ?? null;
  }

  put(job: RecordJob, signal: AbortSignal): void {
    const left = Promise.withResolvers<void>();
    const overtaken = new AbortController();
    const waiting = { ...job, hasBegun: false, overtakers: [], left, overtaken };
    this.#waiting.push(waiting);
    this.#writing ??= this.#drain(signal);
    if (isWayBack(waiting)) this.#hurry(waiting, signal);
  }

  /** Resolves when another record may be put. */
  async room(): Promise<void> {
    while (this.#waiting.length >= waitingMax) await this.#waiting[0]?.left.promise;
  }

  /** Resolves when nothing waits any more, or when the signal given to `put` has ended it. */
  async settled(): Promise<void> {
    await this.#writing;
    for (const { running } of this.#held.values()) await running;
  }

  #hurry(job: Waiting, signal: AbortSignal): void {
    if (this.#isInTrouble) return this.#overtake(job);
    const hurry = (): void => {
      if (!job.hasBegun) this.#overtake(job);
    };
    // Aborted: the loop ends, and its effects with it.
    this.#clock.sleep(wayBackPatienceMs, signal).then(hurry, () => undefined);
  }

  #overtake(job: Waiting): void {
    const { service } = job.record;
    const before = this.#waiting
      .slice(0, this.#waiting.indexOf(job))
      .filter((each) => each.record.service === service);
    // Nothing of a rollout whose start waits here too can be in force, and what came before that start comes first.
    if (before.some((each) => each.record.decision === 'start')) return;
    this.#start(job);
    // What is held is recorded already, so it comes before; it begins next, without its traffic.
    for (const each of [...before, ...(this.#held.get(service)?.jobs ?? [])]) {
      each.overtakers.push(...job.effects);
      each.overtaken.abort(new Error('a way back was decided'));
    }
  }

  /** The record is durable: its effects begin, at once or after what the service waits for. */
  #release(job: Waiting, index: number | null, signal: AbortSignal): void {
    const { service } = job.record;
    if (isWayBack(job) && !job.hasBegun) return this.#overtake(job);
    const held = this.#held.get(service);
    if (held !== undefined) {
      held.jobs.push(job);
      return;
    }
    const anchor = this.#anchor;
    if (!job.isPromotion || job.hasBegun || anchor === null || index === null) {
      return this.#start(job);
    }
    const wait = anchor(service, index, AbortSignal.any([signal, job.overtaken.signal]));
    const jobs = [job];
    this.#held.set(service, { jobs, running: this.#startHeld(jobs, wait, signal) });
  }

  /** Never rejects. */
  async #startHeld(jobs: Waiting[], wait: Promise<void>, signal: AbortSignal): Promise<void> {
    const [first] = jobs;
    try {
      await wait;
    } catch (error) {
      if (first?.overtaken.signal.aborted !== true) {
        if (!signal.aborted) this.#fail(error);
        return;
      }
    }
    if (first !== undefined) this.#held.delete(first.record.service);
    if (signal.aborted) return;
    for (const job of jobs) this.#start(job);
  }

  #start(job: Waiting): void {
    if (job.hasBegun) return;
    job.hasBegun = true;
    const effects = job.effects.filter((effect) => !isOvertaken(effect, job.overtakers));
    this.#begin(job.record.service, effects);
  }

  /** Never rejects. */
  async #drain(signal: AbortSignal): Promise<void> {
    for (let job = this.#waiting[0]; job !== undefined; job = this.#waiting[0]) {
      try {
        const index = await this.#write(job, signal);
        this.#release(job, index, signal);
        job.onDurable(index);
      } catch (error) {
        if (!signal.aborted) this.#fail(error);
        // Nothing is written any more: whoever waits for room must hear of the end.
        for (const each of this.#waiting.splice(0)) each.left.resolve();
        return;
      } finally {
        this.#waiting.shift();
        job.left.resolve();
      }
    }
    this.#writing = null;
  }

  async #write(job: Waiting, signal: AbortSignal): Promise<number | null> {
    for (;;) {
      try {
        const [entry] = await this.#recorder.record(job.batch, signal);
        if (this.#isInTrouble) this.#onTrouble(null);
        this.#isInTrouble = false;
        return entry?.index ?? null;
      } catch (error) {
        if (!isRetryable(error)) throw error;
        this.#isInTrouble = true;
        this.#onTrouble(error.message);
        const waysBack = this.#waiting.filter(isWayBack);
        for (const each of waysBack) if (!each.hasBegun) this.#overtake(each);
        await this.#clock.sleep(retryMs, signal);
      }
    }
  }
}

interface HeldJobs {
  readonly jobs: Waiting[];
  readonly running: Promise<void>;
}

/** It takes the candidate out of the users' way, and nothing else. */
function isWayBack({ record }: RecordJob): boolean {
  return record.decision === 'roll-back' || record.decision === 'park';
}

/** Whether a way back that began before this effect has said something else about the same. */
function isOvertaken(effect: Effect, overtakers: readonly Effect[]): boolean {
  if (overtakers.length === 0) return false;
  if (effect.kind === 'set-traffic') return true;
  return overtakers.some(
    (each) => each.kind !== 'set-traffic' && each.revision.id === effect.revision.id,
  );
}

function isRetryable(error: unknown): error is LedgerError | RecorderError {
  return (error instanceof LedgerError || error instanceof RecorderError) && error.retryable;
}
