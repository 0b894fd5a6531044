import type { JsonObject } from '../../domain/evidence/canonical-json.ts';
import type { AskedFlags } from '../../domain/flags/check-flags.ts';
import type { Flag, FlagRule, FlagTurn, FlagValue } from '../../domain/flags/flag.ts';
import { integer, list, MalformedError, number, record, text } from './shape.ts';

/** Flags of one revision as `apply` carries them. */
export function askedFlags(value: Record<string, unknown>): AskedFlags {
  return {
    service: text(value, 'service'),
    revisionId: text(value, 'revisionId'),
    tokenSha256: text(value, 'tokenSha256'),
    flags: list(value, 'flags').map((item) => flag(record(item, 'flag'))),
    turns: list(value, 'turns').map((item) => turn(record(item, 'turn'))),
  };
}

function flag(value: Record<string, unknown>): Flag {
  const { environment } = value;
  const state = text(value, 'state');
  if (state !== 'ENABLED' && state !== 'DISABLED') {
    throw new MalformedError(`unknown state '${state.slice(0, 40)}'`);
  }
  return {
    key: text(value, 'key'),
    state,
    variants: Object.fromEntries(
      Object.entries(record(value['variants'], 'variants')).map(([name, each]) => {
        return [name, flagValue(each)];
      }),
    ),
    defaultVariant: text(value, 'defaultVariant'),
    targeting: list(value, 'targeting').map((item) => rule(record(item, 'rule'))),
    ...(environment === undefined ? {} : { environment: text(value, 'environment') }),
  };
}

function flagValue(value: unknown): FlagValue {
  if (typeof value === 'boolean' || typeof value === 'string' || typeof value === 'number') {
    return value;
  }
  // It came out of JSON.parse, so all in it is JSON.
  return record(value, 'a variant that is no boolean, text or number') as JsonObject;
}

function rule(value: Record<string, unknown>): FlagRule {
  const when = list(value, 'when').map((item) => {
    const condition = record(item, 'condition');
    return {
      attribute: text(condition, 'attribute'),
      values: list(condition, 'values').map(scalar),
    };
  });
  const serve = record(value['serve'], 'serve');
  const kind = text(serve, 'kind');
  if (kind === 'variant') return { when, serve: { kind, variant: text(serve, 'variant') } };
  if (kind !== 'split') throw new MalformedError(`a rule cannot serve '${kind.slice(0, 40)}'`);
  const shares = list(serve, 'shares').map((item) => {
    const share = record(item, 'share');
    return { variant: text(share, 'variant'), percent: number(share, 'percent') };
  });
  return { when, serve: { kind, shares } };
}

function scalar(value: unknown): string | number | boolean {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return value;
  }
  throw new MalformedError('a value of a condition must be a text, a number or a boolean');
}

function turn(value: Record<string, unknown>): FlagTurn {
  return {
    flag: text(value, 'flag'),
    variant: text(value, 'variant'),
    rolloutId: text(value, 'rolloutId'),
    stepNumber: integer(value, 'stepNumber'),
  };
}
