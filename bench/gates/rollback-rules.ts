import type { GateSettings } from '../../src/domain/release/revision.ts';
import { openProbing } from './probing.ts';
import { RollbackGate } from './rollback-gate.ts';
import type { Rule } from './rule.ts';
import { ourName, robustName, studySettings } from './study-settings.ts';

/** As `ourRule`, by the part of the gate that rolls back. */
export const rollbackRule = rollbackRuleOf(ourName, studySettings);

export function rollbackRuleOf(name: string, settings: GateSettings): Rule {
  const open: Rule['open'] = (plannedMs) => {
    const gate = new RollbackGate(settings, plannedMs);
    return {
      changeStep: () => gate.closeBlock(),
      take: (tick) => {
        gate.take(tick);
        return gate.hasFailed;
      },
      evidence: () => gate.evidence,
    };
  };
  return { name, open };
}

/** As `robustRule`. */
export function robustRollbackRule(incidentMs: number): Rule {
  const settings = { ...studySettings, incidentMs };
  return {
    name: robustName,
    open: (plannedMs, run) => {
      const gate = new RollbackGate(settings, plannedMs);
      return { ...openProbing(gate, incidentMs, run), evidence: () => gate.evidence };
    },
  };
}
