import type { HealthSpec } from '../../domain/release/revision.ts';
import type { ProbeResult } from './probe.ts';
import type { LocalProcessSettings } from './settings.ts';

/** What the probes have said of one process so far. */
export interface Health {
  readonly state: 'starting' | 'ready' | 'unready';
  readonly wasReady: boolean;
  /** In a row. */
  readonly readyFailures: number;
  readonly liveFailures: number;
  readonly reason: string | null;
}

export interface ProbeRound {
  readonly ready: ProbeResult;
  /** Null: not asked. */
  readonly live: ProbeResult | null;
  /** Since the process was started. */
  readonly ageMs: number;
}

export const FRESH_HEALTH: Health = {
  state: 'starting',
  wasReady: false,
  readyFailures: 0,
  liveFailures: 0,
  reason: null,
};

/** Liveness is counted only after the first readiness: a slow start is the start timeout's matter, which kills nobody. */
export function judgeHealth(
  health: Health,
  round: ProbeRound,
  spec: HealthSpec,
  settings: LocalProcessSettings,
): Health {
  const liveFailures = round.live?.kind === 'failed' ? health.liveFailures + 1 : 0;
  if (round.ready.kind === 'ok') {
    return { state: 'ready', wasReady: true, readyFailures: 0, liveFailures, reason: null };
  }
  const readyFailures = health.readyFailures + 1;
  const next = { ...health, readyFailures, liveFailures };
  if (health.wasReady) {
    if (readyFailures < settings.unreadyAfterFailures) return next;
    return { ...next, state: 'unready', reason: round.ready.text };
  }
  if (round.ageMs < spec.startTimeoutMs) return { ...next, reason: round.ready.text };
  const reason = `not ready after ${spec.startTimeoutMs / 1_000} s: ${round.ready.text}`;
  return { ...next, state: 'unready', reason };
}
