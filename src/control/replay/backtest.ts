/**
 * What another policy would have decided on recorded rollouts: the recorded events go through the decider again, as in a
 * replay, and beside the recorded gate stands the policy's own (policy-shadow.ts, which says what can be known).
 * Everything is read from the entries and the bytes they name by digest; nothing is asked of a running service.
 */
import { type JsonValue } from '../../domain/evidence/canonical-json.ts';
import type { RecordedSecond } from '../../domain/gate/recorded-rule.ts';
import { decide } from '../../domain/release/decide.ts';
import type { Cause, Rollout, ServiceState } from '../../domain/release/service-state.ts';
import { unpackEvents, unpackState } from '../recording/journal.ts';
import {
  type DecidedAt,
  type PolicyOutcome,
  PolicyShadow,
  type TriedPolicy,
} from './policy-shadow.ts';
import type { RecordedEntry } from '../recording/recorder.ts';
import { digestOf, eventsInput, stateInput } from '../recording/recovery.ts';
import { type ReadBlob, readInput, stateAfter } from './replay.ts';

export interface RolloutBacktest {
  readonly rolloutId: string;
  readonly service: string;
  readonly kind: Rollout['kind'];
  readonly startedAtMs: number;
  readonly recorded: {
    readonly outcome: 'promoted' | 'rolled-back';
    readonly cause: Cause['kind'] | null;
  } & DecidedAt;
  readonly policy: PolicyOutcome;
  readonly seconds: readonly RecordedSecond[];
  /** Of the candidate when it was decided; null: too little was recorded to tell. */
  readonly requestsPerSecond: number | null;
}

/** A rollout that is not judged, and why. */
export interface SkippedRollout {
  readonly rolloutId: string;
  readonly sentence: string;
}

export type BacktestFinding =
  | { readonly kind: 'judged'; readonly rollout: RolloutBacktest }
  | { readonly kind: 'skipped'; readonly rollout: SkippedRollout };

export interface BacktestQuestion {
  /** Null: no policy for this service, its rollouts are left out. */
  readonly policyOf: (service: string) => TriedPolicy | null;
  readonly isWanted: (rollout: {
    readonly rolloutId: string;
    readonly service: string;
    readonly startedAtMs: number;
  }) => boolean;
}

/** Takes all entries of a ledger, oldest first, and gives each finished rollout as soon as its last entry was read. */
export async function* backtest(
  entries: AsyncIterable<RecordedEntry>,
  readBlob: ReadBlob,
  question: BacktestQuestion,
): AsyncIterable<BacktestFinding> {
  const streams = new Map<string, ServiceBacktest>();
  for await (const entry of entries) {
    if (!entry.stream.startsWith('service/')) continue;
    const service = entry.stream.slice('service/'.length);
    const stream = streams.get(service) ?? new ServiceBacktest(service, question, readBlob);
    streams.set(service, stream);
    const finding = await stream.take(entry);
    if (finding !== null) yield finding;
  }
  for (const stream of streams.values()) {
    const finding = stream.unfinished();
    if (finding !== null) yield finding;
  }
}

interface Under {
  readonly rolloutId: string;
  state: ServiceState;
  shadow: PolicyShadow | null;
  decided: ({ readonly kind: 'promoted' | Cause['kind'] } & DecidedAt) | null;
}

/** The entries of one service. A service has one rollout at a time. */
class ServiceBacktest {
  readonly #service: string;
  readonly #question: BacktestQuestion;
  readonly #readBlob: ReadBlob;
  /** From the newest kept state on, while no wanted rollout is under way. */
  #pending: RecordedEntry[] = [];
  #under: Under | null = null;
  /** Rollouts that are not looked at, or no more. */
  #passedOver: string | null = null;

  constructor(service: string, question: BacktestQuestion, readBlob: ReadBlob) {
    this.#service = service;
    this.#question = question;
    this.#readBlob = readBlob;
  }

  async take(entry: RecordedEntry): Promise<BacktestFinding | null> {
    const rolloutId = rolloutOf(entry.data);
    if (this.#under === null || this.#under.rolloutId !== rolloutId) {
      this.#under = null;
      const isNew = rolloutId !== null && rolloutId !== this.#passedOver;
      const policy = this.#question.policyOf(this.#service);
      const startedAtMs = entry.observedAtMs;
      const wish = { rolloutId: rolloutId ?? '', service: this.#service, startedAtMs };
      if (!isNew || policy === null || !this.#question.isWanted(wish)) {
        this.#passOver(entry, rolloutId);
        return null;
      }
      const state = await stateAfter(this.#pending, this.#service, this.#readBlob);
      this.#under = { rolloutId, state, shadow: null, decided: null };
    }
    try {
      return await this.#fold(this.#under, entry);
    } catch (error) {
      // An older program may have kept what this one cannot decide from: the row says so, the others go on.
      const why = error instanceof Error ? error.message : String(error);
      return this.#end(entry, `cannot be decided again: ${why}`);
    }
  }

  /** At the end of the ledger: a rollout that is still under way. */
  unfinished(): BacktestFinding | null {
    if (this.#under === null) return null;
    const { rolloutId } = this.#under;
    return { kind: 'skipped', rollout: { rolloutId, sentence: 'it is still under way' } };
  }

  async #fold(under: Under, entry: RecordedEntry): Promise<BacktestFinding | null> {
    const events = await readInput(entry, eventsInput, this.#readBlob);
    const kept = await readInput(entry, stateInput, this.#readBlob);
    const wrong = events.wrong ?? kept.wrong;
    if (wrong !== null) return this.#end(entry, wrong);
    for (const event of events.bytes === null ? [] : unpackEvents(events.bytes)) {
      const decision = decide(under.state, event);
      const { rollout } = decision.state;
      if (rollout?.id === under.rolloutId) {
        const policy = this.#question.policyOf(this.#service);
        if (under.shadow === null && policy !== null) {
          under.shadow = new PolicyShadow(rollout, policy, event);
        }
        under.shadow?.take(under.state, event, decision);
        under.decided ??= decidedBy(rollout, event.atMs, under.shadow?.sinceMs ?? null);
      }
      under.state = decision.state;
    }
    if (kept.bytes !== null) under.state = unpackState(kept.bytes);
    const { rollout } = under.state;
    const isOver = rollout?.phase.kind === 'promoted' || rollout?.phase.kind === 'rolled-back';
    if (rollout === null || !isOver) return null;
    if (rollout.kind === 'first') {
      return this.#end(entry, 'it was the first of its service, with nothing to judge');
    }
    if (under.shadow === null || under.decided === null) {
      return this.#end(entry, 'its beginning is not in the ledger');
    }
    const finding = judged(rollout, under.shadow, under.decided);
    this.#passOver(entry, under.rolloutId);
    return { kind: 'judged', rollout: finding };
  }

  #end(entry: RecordedEntry, sentence: string): BacktestFinding {
    const rolloutId = this.#under?.rolloutId ?? '';
    this.#passOver(entry, rolloutId);
    return { kind: 'skipped', rollout: { rolloutId, sentence } };
  }

  #passOver(entry: RecordedEntry, rolloutId: string | null): void {
    this.#under = null;
    this.#passedOver = rolloutId;
    const hasState = digestOf(entry, stateInput) !== null;
    this.#pending = hasState ? [entry] : [...this.#pending, entry];
  }
}

/** When the recorded rollout was decided: the way back at its order, a promotion when it is done. */
function decidedBy(rollout: Rollout, atMs: number, sinceMs: number | null): Under['decided'] {
  const { phase, totals } = rollout;
  const afterMs = sinceMs === null ? 0 : Math.max(0, atMs - sinceMs);
  const candidate = { ...totals.candidate };
  switch (phase.kind) {
    case 'promoted': {
      const sentence = rollout.lastVerdict?.explanation.sentence ?? 'promoted';
      return { kind: 'promoted', afterMs, candidate, sentence };
    }
    case 'reverting':
    case 'rolled-back':
      return { kind: phase.cause.kind, afterMs, candidate, sentence: phase.cause.sentence };
    case 'rolling': {
      const { cause } = phase;
      if (cause === null) return null;
      return { kind: cause.kind, afterMs, candidate, sentence: cause.sentence };
    }
    case 'starting':
    case 'shifting':
    case 'judging':
    case 'waiting':
    case 'parked':
    case 'baking':
      return null;
  }
}

function judged(
  rollout: Rollout,
  shadow: PolicyShadow,
  decided: NonNullable<Under['decided']>,
): RolloutBacktest {
  const { kind, ...at } = decided;
  return {
    rolloutId: rollout.id,
    service: rollout.candidate.service,
    kind: rollout.kind,
    startedAtMs: rollout.startedAtMs,
    recorded:
      kind === 'promoted'
        ? { outcome: 'promoted', cause: null, ...at }
        : { outcome: 'rolled-back', cause: kind, ...at },
    policy: shadow.outcome(decided),
    seconds: shadow.seconds,
    requestsPerSecond: shadow.requestsPerSecond,
  };
}

function rolloutOf(data: JsonValue): string | null {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return null;
  const id = 'rolloutId' in data ? data['rolloutId'] : null;
  return typeof id === 'string' ? id : null;
}
