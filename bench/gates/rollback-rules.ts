import { openProbing } from './probing.ts';
import { RollbackGate } from './rollback-gate.ts';
import type { Rule } from './rule.ts';
import { ourName, robustName, studySettings } from './study-settings.ts';

/** As `ourRule`, by the part of the gate that rolls back. */
export const rollbackRule: Rule = {
  name: ourName,
  open: (plannedMs) => {
    const gate = new RollbackGate(studySettings, plannedMs);
    return {
      changeStep: () => gate.closeBlock(),
      take: (tick) => {
        gate.take(tick);
        return gate.hasFailed;
      },
    };
  },
};

/** As `robustRule`. */
export function robustRollbackRule(incidentMs: number): Rule {
  const settings = { ...studySettings, incidentMs };
  return {
    name: robustName,
    open: (plannedMs, run) => openProbing(new RollbackGate(settings, plannedMs), incidentMs, run),
  };
}
