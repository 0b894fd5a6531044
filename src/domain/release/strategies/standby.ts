/**
 * Blue-green: the candidate stands by while it is warmed and checked, then gets all traffic at once.
 *
 *   starting --its standby instances are ready--> step 1, 0 %: on the preview address
 *     --> checking --pass--> all instances --ready (and approved)--> step 2, 100 %: the switch --> baking --> promoted
 *                  '--fail--> back                                                               '--> back, at once
 *
 * B1  Users' requests reach a standby by the switch only; on the preview address come those who ask for it, which is no evidence.
 * B2  Nobody goes past checks that have not passed, nor to a candidate that has not all its instances.
 * B3  Checks that could not be made are no fault of the candidate: they are made again, `attemptsMax` times in all.
 * B4  Stable keeps all its instances until the bake is over: the way back is one table.
 */
import { secondsText } from '../wording/amount-text.ts';
import { attemptsMax, blueGreenOf, candidateCount, isAtStandby } from './blue-green.ts';
import type { Effect } from '../effect.ts';
import type { ReleaseEvent } from '../event.ts';
import { nextKey, order, unchanged } from '../order.ts';
import { revert } from '../revert.ts';
import { instancesOf } from '../seeing/see.ts';
import { nameOf } from '../wording/sentence.ts';
import {
  activeRollout,
  type Decision,
  type Rollout,
  type ServiceState,
  type StandbyWatch,
} from '../service-state.ts';
import { type BlueGreen, judgeStandby } from './strategy.ts';

/** On top of what the plan gives the checks: their report has a way to go. */
const reportSlackMs = 10_000;

/** What a standby has to get through before the plan goes on; null: nothing is in the way. */
export function followStandby(
  state: ServiceState,
  rollout: Rollout,
  moment: { readonly atMs: number; readonly stepIndex: number },
): Decision | null {
  const plan = blueGreenOf(rollout);
  if (plan === null || moment.stepIndex !== 0) return null;
  const { standby } = rollout;
  const { atMs } = moment;
  if (standby === undefined) return orderChecks(state, rollout, { plan, atMs, attempt: 1 });
  if (standby.phase === 'passed') return followInstances(state, rollout, { ...moment, standby });
  const limitMs = plan.withinMs + reportSlackMs;
  if (atMs - standby.sinceMs <= limitMs) return unchanged(state);
  const message = `no report came within ${secondsText(limitMs)}`;
  return notMade(state, rollout, { plan, atMs, standby, message });
}

/** What the checks saw, of the order that is waited for; others are history. */
export function seeStandbyChecked(
  state: ServiceState,
  { key, report, atMs }: Extract<ReleaseEvent, { kind: 'standby-checked' }>,
): Decision {
  const rollout = activeRollout(state);
  const standby = rollout?.standby;
  const plan = rollout === null ? null : blueGreenOf(rollout);
  if (rollout === null || plan === null || standby?.phase !== 'checking') return unchanged(state);
  if (rollout.phase.kind === 'reverting' || standby.effectKey !== key) return unchanged(state);
  const verdict = judgeStandby(plan, report);
  switch (verdict.kind) {
    case 'undecided':
      return notMade(state, rollout, { plan, atMs, standby, message: verdict.sentence });
    case 'fail': {
      const sentence = `the standby of ${nameOf(rollout.candidate)} did not pass: ${verdict.sentence}`;
      return revert(state, rollout, { kind: 'checks-failed', sentence, atMs });
    }
    case 'pass':
      return passed(state, rollout, { plan, atMs, sentence: verdict.sentence });
  }
}

/** Why nobody may switch now, by hand either; null: one may. */
export function whyNotSwitch(state: ServiceState, rollout: Rollout): string | null {
  if (blueGreenOf(rollout) === null || !isAtStandby(rollout)) return null;
  const name = nameOf(rollout.candidate);
  if (rollout.standby?.phase !== 'passed') return `the standby of ${name} is being checked`;
  const ready = instancesOf(state, rollout.candidate.id)?.ready ?? 0;
  const { instances } = rollout.candidate;
  return ready >= instances ? null : `${ready} of ${instances} instances of ${name} are ready`;
}

/** The checks that are ordered and not reported, once more after a crash. */
export function orderedChecks(state: ServiceState, rollout: Rollout): readonly Effect[] {
  const { standby } = rollout;
  const plan = blueGreenOf(rollout);
  if (standby?.phase !== 'checking' || plan === null || !isAtStandby(rollout)) return [];
  return [checkEffect(state, rollout, { plan, effectKey: standby.effectKey })];
}

/** Time that nobody watched is no waiting. */
export function standbyAnew({ standby }: Rollout, atMs: number): Pick<Rollout, 'standby'> {
  return standby === undefined ? {} : { standby: { ...standby, sinceMs: atMs } };
}

/** What is said when a step of this strategy is ordered; null: the shares say it. */
export function switchText(rollout: Rollout, stepIndex: number): string | null {
  if (blueGreenOf(rollout) === null) return null;
  const name = nameOf(rollout.candidate);
  if (stepIndex === 0) return `${name} stands by`;
  const { standby } = rollout;
  const why = standby?.phase === 'passed' ? `: ${standby.sentence}` : '';
  return `switching all traffic to ${name}${why}`;
}

function orderChecks(
  state: ServiceState,
  rollout: Rollout,
  how: {
    readonly plan: BlueGreen;
    readonly atMs: number;
    readonly attempt: number;
    readonly because?: string;
  },
): Decision {
  const { plan, atMs, attempt, because = null } = how;
  if (plan.warmUp === null && plan.checks.length === 0 && plan.load === null) {
    return passed(state, rollout, { plan, atMs, sentence: 'no check was asked for' });
  }
  const effectKey = `${nextKey(state)}/check`;
  const standby: StandbyWatch = { phase: 'checking', sinceMs: atMs, effectKey, attempt };
  const again =
    because === null ? '' : ` again (attempt ${attempt} of ${attemptsMax}), as ${because}`;
  return order(
    { ...state, rollout: { ...rollout, standby } },
    {
      atMs,
      type: 'decision',
      decision: 'check',
      sentence: `checking the standby of ${nameOf(rollout.candidate)}${again}`,
      effects: () => [checkEffect(state, rollout, { plan, effectKey })],
    },
  );
}

function checkEffect(
  state: ServiceState,
  { candidate }: Rollout,
  { plan, effectKey }: { readonly plan: BlueGreen; readonly effectKey: string },
): Effect {
  const host = state.spec?.host ?? state.name;
  return { kind: 'check-standby', key: effectKey, revision: candidate, host, plan };
}

function notMade(
  state: ServiceState,
  rollout: Rollout,
  moment: {
    readonly plan: BlueGreen;
    readonly atMs: number;
    readonly standby: Extract<StandbyWatch, { phase: 'checking' }>;
    readonly message: string;
  },
): Decision {
  const { plan, atMs, standby, message } = moment;
  const attempt = standby.attempt + 1;
  if (attempt <= attemptsMax) {
    return orderChecks(state, rollout, { plan, atMs, attempt, because: message });
  }
  const sentence = `the standby of ${nameOf(rollout.candidate)} could not be checked in ${attemptsMax} attempts: ${message}`;
  return revert(state, rollout, { kind: 'checks-failed', sentence, atMs });
}

function passed(
  state: ServiceState,
  rollout: Rollout,
  {
    atMs,
    sentence,
  }: { readonly plan: BlueGreen; readonly atMs: number; readonly sentence: string },
): Decision {
  const { candidate } = rollout;
  const next: Rollout = { ...rollout, standby: { phase: 'passed', sinceMs: atMs, sentence } };
  const isSmall = candidateCount(rollout) < candidate.instances;
  const grow = isSmall ? `; bringing it to ${candidate.instances} instances` : '';
  return order(
    { ...state, rollout: next },
    {
      atMs,
      type: 'gate-result',
      decision: 'check',
      sentence: `the standby of ${nameOf(candidate)} may be switched to: ${sentence}${grow}`,
      effects: (key): readonly Effect[] =>
        isSmall
          ? [
              {
                kind: 'ensure-instances',
                key: `${key}/run`,
                revision: candidate,
                count: candidate.instances,
              },
            ]
          : [],
    },
  );
}

function followInstances(
  state: ServiceState,
  rollout: Rollout,
  moment: {
    readonly atMs: number;
    readonly standby: Extract<StandbyWatch, { phase: 'passed' }>;
  },
): Decision | null {
  const { candidate } = rollout;
  const { atMs, standby } = moment;
  const seen = instancesOf(state, candidate.id);
  const ready = seen?.ready ?? 0;
  if (ready >= candidate.instances) return null;
  const waitedMs = atMs - standby.sinceMs;
  const isStarting =
    (seen?.total ?? 0) < candidate.instances || waitedMs <= candidate.health.startTimeoutMs;
  if (isStarting && waitedMs <= candidate.health.startTimeoutMs + reportSlackMs) {
    return unchanged(state);
  }
  const why = seen?.reason ?? 'the platform shows no instance';
  const sentence = `${ready} of ${candidate.instances} instances of ${nameOf(candidate)} were ready ${secondsText(waitedMs)} after the checks: ${why}`;
  return revert(state, rollout, { kind: 'not-ready', sentence, atMs });
}
