import type { FaultAbort, FaultDelay, FaultRule } from '../../domain/traffic/faults/fault-rule.ts';
import { requestMatch } from './route-rule-message.ts';
import { integer, list, MalformedError, number, record, text } from './shape.ts';

/** Trouble made on purpose, as `apply` carries it. */
export function faultRule(value: Record<string, unknown>): FaultRule {
  const { ruleName, revisionId, instanceId, delay, abort, isEvidence } = value;
  return {
    id: text(value, 'id'),
    untilMs: integer(value, 'untilMs'),
    matches: list(value, 'matches').map((item) => requestMatch(record(item, 'match'))),
    ...(ruleName === undefined ? {} : { ruleName: text(value, 'ruleName') }),
    ...(revisionId === undefined ? {} : { revisionId: text(value, 'revisionId') }),
    ...(instanceId === undefined ? {} : { instanceId: text(value, 'instanceId') }),
    ...(delay === undefined ? {} : { delay: faultDelay(record(delay, 'delay')) }),
    ...(abort === undefined ? {} : { abort: faultAbort(record(abort, 'abort')) }),
    ...(isEvidence === true ? { isEvidence } : {}),
  };
}

function faultDelay(value: Record<string, unknown>): FaultDelay {
  return { percent: number(value, 'percent'), fixedDelayMs: integer(value, 'fixedDelayMs') };
}

function faultAbort(value: Record<string, unknown>): FaultAbort {
  const percent = number(value, 'percent');
  const how = value['with'];
  if (typeof how === 'number') return { percent, with: integer(value, 'with') };
  if (how === 'reset') return { percent, with: how };
  throw new MalformedError("with must be a status or 'reset'");
}
