import { z } from 'zod';
import { duration, type FieldFault, integer, mapping, matching } from './fields.ts';

const hourMs = 3_600_000;
/** People of one role that one step may ask for. */
const countMax = 10;
const rolesMax = 8;

const roleRule = matching(
  /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/,
  "a role of a-z, 0-9 and '-', from a letter on",
  63,
);

/** `approvals:` of a step: whose signatures it waits for. */
export function approvalsSchema() {
  const role = z.string().superRefine((name, context) => {
    const fault = roleRule(name);
    if (fault === null) return;
    const params: FieldFault = { wanted: null, hint: fault.hint };
    context.addIssue({ code: 'custom', message: fault.reason, params: { ...params } });
  });
  const roles = z.record(role, integer({ min: 1, max: countMax }));
  return mapping({
    roles: roles.superRefine((counts, context) => {
      const count = Object.keys(counts).length;
      if (count >= 1 && count <= rolesMax) return;
      const message = `must have 1 to ${rolesMax} roles, not ${count}`;
      const hint = 'as { sre: 1, owner: 1 }';
      context.addIssue({ code: 'custom', message, params: { wanted: null, hint } });
    }),
    validFor: duration({ minMs: 60_000, maxMs: 720 * hourMs, usualUnit: 'm' }).prefault('24h'),
  });
}

/** As written. */
export interface ApprovalsInput {
  readonly roles: Readonly<Record<string, number>>;
  readonly validFor: number;
}
