/**
 * The decider: what happened, in; what is so now, what to write down and what to do, out. It knows no clock, no chance
 * and no socket, so the same code runs in production, in the simulator and in an auditor's replay.
 *
 * R1  Total: every event in every phase gives a decision; nothing throws for a state that decisions led to.
 * R2  Weights sum to 100, or the service has no route.                                  (order.ts)
 * R3  At most one rollout of a service is under way.                                    (start.ts)
 * R4  No path from a failed gate to a higher weight within a rollout.                   (advance.ts, operate.ts)
 * R5  A rollout that ended rolled back leaves no traffic on its candidate.              (revert.ts)
 * R6  Instances are stopped only after the router has confirmed that nothing is sent to them.
 * R7  Time comes only from events.
 * Guard: test/simulation, whose oracle knows these rules and not this code.
 */
import { advance } from './advance.ts';
import { seeApprovals } from './approvals.ts';
import type { ReleaseEvent } from './event.ts';
import { seeEffectDone, seeEffectFailed } from './outcome.ts';
import { seeScale } from './seeing/see-scale.ts';
import { operate } from './operate.ts';
import { recover } from './recover.ts';
import { followRestart } from './restart.ts';
import { seeInstances } from './instances.ts';
import { seeSample } from './seeing/see.ts';
import type { Decision, ServiceState } from './service-state.ts';
import { seeStandbyChecked } from './strategies/standby.ts';
import { apply } from './start.ts';

export function decide(state: ServiceState, event: ReleaseEvent): Decision {
  switch (event.kind) {
    case 'apply':
      return apply(state, event);
    case 'operate':
      return operate(state, event);
    case 'sample':
      return advance(seeSample(state, event.sample, event.atMs), event.atMs);
    case 'instances':
      return seeInstances(state, event);
    case 'tick':
      return (
        followRestart(state, event.atMs) ?? advance(state, event.atMs, event.isOthersHeard ?? null)
      );
    case 'effect-done':
      return seeEffectDone(state, event);
    case 'effect-failed':
      return seeEffectFailed(state, event);
    case 'standby-checked':
      return seeStandbyChecked(state, event);
    case 'approvals': {
      const seen = seeApprovals(state, event);
      return seen.record === null ? advance(seen.state, event.atMs) : seen;
    }
    case 'scale':
      return seeScale(state, event);
    case 'recovered':
      return recover(state, event.atMs);
  }
}
