import type { JsonValue } from '../../domain/evidence/canonical-json.ts';
import { checkFaults } from '../../domain/traffic/faults/check-fault-rules.ts';
import { type FaultRule, faultLimits } from '../../domain/traffic/faults/fault-rule.ts';
import { faultWords } from '../../domain/traffic/faults/fault-words.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Recorder } from '../recording/recorder.ts';

/** Trouble that somebody wants, and who and why. */
export interface WantedFault {
  readonly service: string;
  readonly rule: FaultRule;
  readonly by: FaultHand;
  readonly sinceMs: number;
}

export interface FaultHand {
  readonly who: string;
  readonly why: string;
}

/** A fault before it has its name and its end. */
export type FaultWish = Omit<FaultRule, 'id' | 'untilMs'> & { readonly lastsMs: number };

export type FaultSaid =
  | { readonly kind: 'recorded'; readonly entry: FaultEntry }
  | { readonly kind: 'refused'; readonly because: string };

/** A change as the ledger has it. */
export interface FaultEntry {
  readonly index: number;
  readonly atMs: number;
  readonly wanted: WantedFault;
  readonly sentence: string;
}

/**
 * Which faults are wanted now. Each wish is an entry before anything is done; the ledger has them over a restart, and the
 * gateway ends them by itself (FaultTurns, F1), so this desk only says sooner than needed.
 */
export class FaultDesk {
  readonly #recorder: Pick<Recorder, 'record' | 'replay'>;
  readonly #clock: Clock;
  readonly #wanted = new Map<string, WantedFault>();
  #number = 0;

  /** With the faults that the ledger has and whose end has not come. */
  static async open(
    parts: { readonly recorder: Pick<Recorder, 'record' | 'replay'>; readonly clock: Clock },
    signal: AbortSignal,
  ): Promise<FaultDesk> {
    const desk = new FaultDesk(parts);
    for await (const { data } of parts.recorder.replay(faultStream, signal)) {
      // Written by `#record` below, and read back as that.
      desk.#take(data as unknown as RecordedFault);
    }
    return desk;
  }

  private constructor(parts: {
    readonly recorder: Pick<Recorder, 'record' | 'replay'>;
    readonly clock: Clock;
  }) {
    this.#recorder = parts.recorder;
    this.#clock = parts.clock;
  }

  /** Those whose end has not come, oldest first. */
  get active(): readonly WantedFault[] {
    const nowMs = this.#clock.nowMs();
    for (const [id, { rule }] of this.#wanted) if (rule.untilMs <= nowMs) this.#wanted.delete(id);
    return [...this.#wanted.values()];
  }

  rulesOf(service: string): readonly FaultRule[] {
    if (this.#wanted.size === 0) return [];
    return this.active.filter((each) => each.service === service).map(({ rule }) => rule);
  }

  /** Resolves when its entry is durable; who asks has the table pushed then. */
  async add(
    service: string,
    wish: FaultWish,
    by: FaultHand,
    signal: AbortSignal,
  ): Promise<FaultSaid> {
    const { lastsMs, ...what } = wish;
    if (!Number.isSafeInteger(lastsMs) || lastsMs < 1 || lastsMs > faultLimits.lastsMs) {
      const because = `a fault lasts 1-${faultLimits.lastsMs} ms, not ${lastsMs}`;
      return { kind: 'refused', because };
    }
    const sinceMs = this.#clock.nowMs();
    const id = `${service}-fault-${this.#number + 1}`;
    const rule: FaultRule = { ...what, id, untilMs: sinceMs + lastsMs };
    const [problem] = problemsOf([...this.rulesOf(service), rule]);
    if (problem !== undefined) return { kind: 'refused', because: problem };
    this.#number += 1;
    const wanted = { service, rule, by, sinceMs };
    const sentence = `fault ${id} for ${Math.round(lastsMs / 1000)} s: ${faultWords(rule)}`;
    const recorded = { action: 'add-fault', wanted, sentence, atMs: sinceMs, by } as const;
    const entry = await this.#record(recorded, signal);
    return { kind: 'recorded', entry };
  }

  async remove(id: string, by: FaultHand, signal: AbortSignal): Promise<FaultSaid> {
    const wanted = this.active.find(({ rule }) => rule.id === id);
    if (wanted === undefined) return { kind: 'refused', because: `no fault ${id} is in force` };
    const sentence = `fault ${id} is ended before its time`;
    const atMs = this.#clock.nowMs();
    const recorded = { action: 'remove-fault', wanted, sentence, atMs, by } as const;
    return { kind: 'recorded', entry: await this.#record(recorded, signal) };
  }

  async #record(recorded: RecordedFault, signal: AbortSignal): Promise<FaultEntry> {
    const { action, wanted, sentence, atMs } = recorded;
    const [place] = await this.#recorder.record(
      {
        stream: faultStream,
        entries: [
          {
            type: 'operator-action',
            subjects: [],
            idempotencyKey: `${action} ${wanted.rule.id} ${atMs}`,
            // Plain data without absent keys but those that JSON leaves out.
            data: JSON.parse(JSON.stringify({ ...recorded, service: wanted.service })) as JsonValue,
          },
        ],
        blobs: [],
      },
      signal,
    );
    this.#take(recorded);
    return { index: place?.index ?? -1, atMs, wanted, sentence };
  }

  #take({ action, wanted }: RecordedFault): void {
    const { id } = wanted.rule;
    const number = Number(id.slice(id.lastIndexOf('-') + 1));
    this.#number = Math.max(this.#number, number);
    if (action === 'add-fault') this.#wanted.set(id, wanted);
    else this.#wanted.delete(id);
  }
}

/** Stream of the ledger. Apart from the services' own, which are the history that their state is recovered from. */
const faultStream = 'faults';

interface RecordedFault {
  readonly action: 'add-fault' | 'remove-fault';
  readonly wanted: WantedFault;
  readonly sentence: string;
  readonly atMs: number;
  readonly by: FaultHand;
}

function problemsOf(rules: readonly FaultRule[]): readonly string[] {
  const problems: string[] = [];
  checkFaults(rules, 'faults', (place, message) => problems.push(`${place} ${message}`));
  return problems;
}
