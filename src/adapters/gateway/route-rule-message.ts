import type { MirrorRule } from '../../domain/traffic/mirror.ts';
import {
  type NamedValue,
  type PathMatchType,
  pathMatchTypes,
  type RequestMatch,
} from '../../domain/traffic/routing/request-match.ts';
import type { RouteRule, RuleTimeouts } from '../../domain/traffic/routing/route-rules.ts';
import type { StickyKey, StickyRule } from '../../domain/traffic/routing/sticky.ts';
import { jwtRule, limits, retryPolicy } from './policy-message.ts';
import { integer, list, MalformedError, number, record, text } from './shape.ts';

/** What holds for some requests of a route, as `apply` carries it. A word that is not known is refused, never left out. */
export function routeRule(value: Record<string, unknown>): RouteRule {
  const { timeouts, maxBodyBytes, retries, rateLimits, jwt } = value;
  return {
    name: text(value, 'name'),
    matches: list(value, 'matches').map((item) => requestMatch(record(item, 'match'))),
    ...(timeouts === undefined ? {} : { timeouts: ruleTimeouts(record(timeouts, 'timeouts')) }),
    ...(maxBodyBytes === undefined ? {} : { maxBodyBytes: integer(value, 'maxBodyBytes') }),
    ...(retries === undefined ? {} : { retries: retryPolicy(record(retries, 'retries')) }),
    ...(rateLimits === undefined ? {} : { rateLimits: limits(value) }),
    ...(jwt === undefined ? {} : { jwt: jwtRule(record(jwt, 'jwt')) }),
  };
}

export function requestMatch(value: Record<string, unknown>): RequestMatch {
  const path = record(value['path'], 'path');
  const type = text(path, 'type');
  const method = value['method'];
  return {
    path: { type: pathMatchType(type), value: text(path, 'value') },
    method: method === null ? null : text(value, 'method'),
    headers: namedValues(value, 'headers'),
    queryParams: namedValues(value, 'queryParams'),
    cookies: namedValues(value, 'cookies'),
  };
}

export function stickyRule(value: Record<string, unknown>): StickyRule {
  return { key: stickyKey(record(value['key'], 'key')), seed: text(value, 'seed') };
}

export function mirrorRule(value: Record<string, unknown>): MirrorRule {
  const methods = value['methods'];
  if (methods !== undefined && methods !== 'all') throw new MalformedError("methods must be 'all'");
  return {
    revisionId: text(value, 'revisionId'),
    percent: number(value, 'percent'),
    ...(methods === undefined ? {} : { methods }),
  };
}

function stickyKey(value: Record<string, unknown>): StickyKey {
  const kind = text(value, 'kind');
  if (kind === 'address') return { kind };
  if (kind === 'header' || kind === 'cookie') return { kind, name: text(value, 'name') };
  throw new MalformedError(`unknown key '${kind.slice(0, 40)}'`);
}

function pathMatchType(type: string): PathMatchType {
  const known = pathMatchTypes.find((each) => each === type);
  if (known !== undefined) return known;
  throw new MalformedError(`unknown path type '${type.slice(0, 40)}'`);
}

function ruleTimeouts(value: Record<string, unknown>): RuleTimeouts {
  const { requestMs, backendRequestMs, idleMs } = value;
  return {
    ...(requestMs === undefined ? {} : { requestMs: integer(value, 'requestMs') }),
    ...(backendRequestMs === undefined
      ? {}
      : { backendRequestMs: integer(value, 'backendRequestMs') }),
    ...(idleMs === undefined ? {} : { idleMs: integer(value, 'idleMs') }),
  };
}

function namedValues(value: Record<string, unknown>, key: string): readonly NamedValue[] {
  return list(value, key).map((item) => {
    const pair = record(item, key);
    return { name: text(pair, 'name'), value: text(pair, 'value') };
  });
}
