import type { Note } from './oracle.ts';
import type { SeenRollout, SeenService } from './oracle-entries.ts';
import type { ServiceScenario } from './scenario.ts';
import type { Said } from './service-record.ts';
import type { Story } from './world.ts';

/** A fault of the telemetry is noticed after this; a decision may be written a little later than it was taken. */
const noticedMs = 10_000;
/** And is an alert after this, when nothing else interferes: 30 s, and a few ticks. */
const alertMs = 45_000;
/** From here on silence is no chance. */
const requestsPerSecondMin = 10;
const forward = ['advance', 'widen', 'unpark', 'probe', 'wait'];

interface Seen {
  readonly service: SeenService;
  readonly scenario: ServiceScenario;
}

/** O16. */
export class TelemetryRules {
  readonly #story: Story;
  #upSinceMs: number | null = null;

  constructor(story: Story) {
    this.#story = story;
  }

  setUp(isUp: boolean, atMs: number): void {
    this.#upSinceMs = isUp ? atMs : null;
  }

  see(
    { service, scenario }: Seen,
    { said, atMs }: { readonly said: Said; readonly atMs: number },
    note: Note,
  ): void {
    const { open } = service;
    if (open === null || open.id !== said.rolloutId) return;
    if (said.decision === 'alert' && open.hasAlert) note('O16', `${open.id} has its alert twice`);
    if (said.decision === 'alert-over' && !open.hasAlert) {
      note('O16', `${open.id} has an alert that is over and never was`);
    }
    const isForward = forward.includes(said.decision) && !said.isByHand;
    const isJudged =
      open.stage === 'judging' || open.stage === 'waiting' || open.stage === 'parked';
    if (!isForward || !isJudged || scenario.requestsPerSecond < requestsPerSecondMin) return;
    const lostMs = this.#lostMs(atMs);
    const isWatched = this.#upSinceMs !== null && atMs - this.#upSinceMs > noticedMs;
    // In a step that was only just entered nothing may have been seen yet that could be missed.
    const isSettled =
      atMs - open.stageSinceMs > noticedMs && atMs - open.startedAtMs > 2 * noticedMs;
    const isUngated = !open.gatedPercents.includes(open.weightPercent);
    if (lostMs < noticedMs || !isWatched || !isSettled || isUngated) return;
    if (this.#isTroubled(atMs - noticedMs, atMs)) return;
    note('O16', `${open.id} goes forward (${said.decision}) and was not heard for ${lostMs} ms`);
  }

  /** At the end of the world every loss has had the time for its alert; those under way then are looked at. */
  end(services: readonly SeenService[], note: Note): void {
    for (const service of services) {
      const scenario = this.#story.scenario.services.find((each) => each.name === service.name);
      for (const rollout of service.rollouts) {
        if (scenario !== undefined) this.#alertRule({ service, scenario }, rollout, note);
      }
    }
  }

  #alertRule({ scenario }: Seen, rollout: SeenRollout, note: Note): void {
    const { judgedAtMs, leftAtMs } = rollout;
    if (judgedAtMs === null || scenario.requestsPerSecond < requestsPerSecondMin) return;
    for (const { kind, fromMs, untilMs } of this.#story.scenario.faults) {
      if (!isLoss(kind)) continue;
      const sinceMs = Math.max(this.#story.startMs + fromMs, judgedAtMs);
      const endMs = Math.min(this.#story.startMs + untilMs, leftAtMs ?? this.#story.endedAtMs);
      // Requests must have been seen before, in the step or on the way to it.
      const wasHeard = this.#story.startMs + fromMs - rollout.startedAtMs > noticedMs;
      if (endMs - sinceMs < alertMs || !wasHeard || this.#isTroubled(sinceMs, endMs)) continue;
      if (this.#wasDown(sinceMs, endMs) || rollout.alerts > 0) continue;
      note('O16', `${rollout.id} was not heard for ${endMs - sinceMs} ms, and there was no alert`);
    }
  }

  /** For how long no good sample could come. */
  #lostMs(atMs: number): number {
    const nowMs = atMs - this.#story.startMs;
    const losses = this.#story.scenario.faults.filter(
      ({ kind, fromMs, untilMs }) => isLoss(kind) && fromMs <= nowMs && nowMs < untilMs,
    );
    return Math.max(0, ...losses.map(({ fromMs }) => nowMs - fromMs));
  }

  /** Whether anything else made decisions, or their entries, come late. */
  #isTroubled(fromMs: number, toMs: number): boolean {
    const { startMs, scenario } = this.#story;
    return scenario.faults.some(
      (each) =>
        !isLoss(each.kind) &&
        startMs + each.fromMs <= toMs &&
        fromMs <= startMs + each.untilMs + 2 * noticedMs,
    );
  }

  #wasDown(fromMs: number, toMs: number): boolean {
    return this.#story.happenings.some(
      ({ kind, atMs }) => (kind === 'down' || kind === 'up') && fromMs <= atMs && atMs <= toMs,
    );
  }
}

function isLoss(kind: string): boolean {
  return kind.startsWith('metrics-');
}
