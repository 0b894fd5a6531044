import {
  answerProbe,
  askProbe,
  beginProbes,
  dueProbes,
  type InstanceProbes,
  type ProbedProcess,
  nextProbeAtMs,
  type ProbeSet,
  type Standing,
  standingOf,
} from '../../../domain/health/instance-probes.ts';
import type { ProbeName, ProbeResult, ProbeSpec } from '../../../domain/health/probe.ts';
import type { Clock } from '../../../ports/clock.ts';
import { pause } from '../pause.ts';

/** Makes one probe; settles when nothing of it is left, also after an abort. */
export type Ask = (spec: ProbeSpec, signal: AbortSignal) => Promise<ProbeResult>;

/**
 * Asks the probes of one process when they are due, side by side, and keeps what they come to. A slow one holds up no
 * other. Disposing gives up those under way and waits for their ends.
 */
export class ProbeWatch implements AsyncDisposable {
  readonly #set: ProbeSet;
  readonly #ask: Ask;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #probes: InstanceProbes;
  /** Aborted by the next answer. */
  #bell = new AbortController();

  constructor(
    parts: { readonly set: ProbeSet; readonly ask: Ask; readonly clock: Clock },
    process: ProbedProcess,
  ) {
    this.#set = parts.set;
    this.#ask = parts.ask;
    this.#clock = parts.clock;
    this.#probes = beginProbes(parts.set, process);
  }

  get wasReady(): boolean {
    return this.#probes.wasReady;
  }

  standing(): Standing {
    return standingOf(this.#probes, this.#set, this.#clock.nowMs());
  }

  /** Asks what is due and waits for the next answer, the next probe, or `atMostMs`. */
  async next(atMostMs: number, wake: AbortSignal): Promise<void> {
    for (const name of dueProbes(this.#probes, this.#set, this.#clock.nowMs())) this.#begin(name);
    const dueAtMs = nextProbeAtMs(this.#probes, this.#set);
    const restMs = dueAtMs === null ? atMostMs : dueAtMs - this.#clock.nowMs();
    const waitMs = Math.max(0, Math.min(restMs, atMostMs));
    await pause(this.#clock, waitMs, AbortSignal.any([wake, this.#bell.signal]));
    if (this.#bell.signal.aborted) this.#bell = new AbortController();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#underWay);
  }

  #begin(name: ProbeName): void {
    const spec = this.#set[name];
    if (spec === null) return;
    this.#probes = askProbe(this.#probes, this.#set, { name, atMs: this.#clock.nowMs() });
    const done = this.#answer(name, spec).finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }

  async #answer(name: ProbeName, spec: ProbeSpec): Promise<void> {
    const unknown = (cause: unknown): ProbeResult => ({ kind: 'unknown', text: String(cause) });
    const result = await this.#ask(spec, this.#closing.signal).catch(unknown);
    if (this.#closing.signal.aborted) return;
    this.#probes = answerProbe(this.#probes, this.#set, { name, result });
    this.#bell.abort();
  }
}
