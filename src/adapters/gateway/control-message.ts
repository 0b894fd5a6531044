import { latencyBucketCount } from '../../domain/traffic/samples/latency-buckets.ts';
import type { HeaderMatch, StratumMatch, VoteRule } from '../../domain/release/revision.ts';
import {
  type AppProtocol,
  type Backend,
  h2c,
  https,
  type Route,
  type RouteMatch,
  type RouteTable,
} from '../../domain/traffic/routing/route-table.ts';
import type { WakeRule } from '../../domain/traffic/wake-rule.ts';
import { mirrorRule, routeRule, requestMatch, stickyRule } from './route-rule-message.ts';
import {
  type CountedApart,
  countedApart,
  type SetAside,
  setAsides,
} from '../../domain/traffic/samples/traffic-sample.ts';
import { cachePurge } from './cache-message.ts';
import { faultRule } from './fault-message.ts';
import { askedFlags } from './flag-message.ts';
import { trafficPolicy } from './policy-message.ts';
import { integer, list, MalformedError, record, text } from './shape.ts';

/**
 * What server and gateway say to each other on the control socket: one JSON object a line (newline-delimited),
 * at most `lineBytesMax` each way. The wire has its own shapes; nothing here is a domain type passed through.
 *
 * On connecting the gateway says `hello` with the counters as they were last reported to anybody, and at once
 * `samples` with all that has changed since: a gap, so the listener takes this one as catch-up. From then on
 * `samples` come if a counter, or how many requests are under way, has changed: every 100 ms, and every 20 ms for a while after a table with a split has come
 * into force. Counters only grow while the epoch is the same.
 */
export type FromGateway =
  | {
      readonly type: 'hello';
      /** Random at each start of a gateway process. */
      readonly epoch: string;
      /** In force; null: the gateway has never had a table. */
      readonly version: number | null;
      readonly counters: readonly CounterReading[];
      /** Absent: the gateway is one process. */
      readonly workers?: WorkersReading;
    }
  /** What hello said of workers has changed. */
  | { readonly type: 'workers'; readonly workers: WorkersReading }
  | { readonly type: 'applied'; readonly version: number }
  | { readonly type: 'refused'; readonly version: number; readonly reason: string }
  | { readonly type: 'drained'; readonly revisionId: string }
  | {
      readonly type: 'samples';
      readonly atMs: number;
      readonly counters: readonly CounterReading[];
      /** Of all instances that have some, now; absent: as before, or from a gateway that does not tell. */
      readonly underWay?: readonly UnderWayReading[];
    };

export type ToGateway =
  | { readonly type: 'apply'; readonly table: RouteTable }
  /** Answered by `drained` when no request to the revision is under way, or after the gateway's bound. */
  | { readonly type: 'drain'; readonly revisionId: string };

/** Requests under way, above 0; under a revision's id those that wait for its first instance. */
export type UnderWayReading = readonly [instanceId: string, requests: number];

/** The gateway's worker processes. */
export interface WorkersReading {
  readonly wanted: number;
  readonly serving: number;
  /** How many have ended without being asked to, since the gateway started; each lost what it held. */
  readonly lost: number;
}

/** Totals since the counter was made; only changed counters are sent, of their histogram only changed buckets. */
export interface CounterReading {
  /** Unique within an epoch; a counter that was dropped and made again has another one. */
  readonly generation: number;
  readonly service: string;
  readonly revisionId: string;
  readonly instanceId: string;
  readonly isMatched: boolean;
  readonly byStatusClass: readonly number[];
  readonly latency: readonly (readonly [bucket: number, total: number])[];
  /** As in InstanceCount. */
  readonly stratum?: string;
  /** Of `CountedApart`: not requests of users, see TrafficSample.apart. */
  readonly setAside?: SetAside | CountedApart;
  /** Times the instance was ejected and let in again, if ever; it is ejected now while they differ. */
  readonly ejections?: number;
  readonly readmissions?: number;
}

/** A table of 1,000 routes with 10 endpoints each is about 1 MB. */
export const lineBytesMax = 8 * 1024 * 1024;

export type Parsed<T> =
  | { readonly kind: 'message'; readonly message: T }
  | { readonly kind: 'malformed'; readonly reason: string };

export function parseFromGateway(line: string): Parsed<FromGateway> {
  return parsed(line, (message) => {
    const type = text(message, 'type');
    switch (type) {
      case 'hello':
        return {
          type,
          epoch: text(message, 'epoch'),
          version: message['version'] === null ? null : integer(message, 'version'),
          counters: list(message, 'counters').map(counterReading),
          ...(message['workers'] === undefined ? {} : { workers: workers(message['workers']) }),
        };
      case 'workers':
        return { type, workers: workers(message['workers']) };
      case 'applied':
        return { type, version: integer(message, 'version') };
      case 'refused':
        return { type, version: integer(message, 'version'), reason: text(message, 'reason') };
      case 'drained':
        return { type, revisionId: text(message, 'revisionId') };
      case 'samples':
        return {
          type,
          atMs: integer(message, 'atMs'),
          counters: list(message, 'counters').map(counterReading),
          ...(message['underWay'] === undefined
            ? {}
            : { underWay: list(message, 'underWay').map(underWayPair) }),
        };
      default:
        throw new MalformedError(`unknown type '${type.slice(0, 40)}'`);
    }
  });
}

export function parseToGateway(line: string): Parsed<ToGateway> {
  return parsed(line, (message) => {
    const type = text(message, 'type');
    if (type === 'drain') return { type, revisionId: text(message, 'revisionId') };
    if (type !== 'apply') throw new MalformedError(`unknown type '${type.slice(0, 40)}'`);
    return { type, table: routeTable(record(message['table'], 'table')) };
  });
}

/** A table as `apply` carries it and the state folder keeps it; its meaning is checked by `checkRouteTable`. */
export function parseRouteTable(json: string): Parsed<RouteTable> {
  return parsed(json, routeTable);
}

function parsed<T>(json: string, read: (value: Record<string, unknown>) => T): Parsed<T> {
  try {
    const value: unknown = JSON.parse(json);
    return { kind: 'message', message: read(record(value, 'message')) };
  } catch (error) {
    if (error instanceof MalformedError || error instanceof SyntaxError) {
      return { kind: 'malformed', reason: error.message };
    }
    throw error;
  }
}

function routeTable(value: Record<string, unknown>): RouteTable {
  const version = integer(value, 'version');
  const routes = list(value, 'routes').map((item) => route(record(item, 'route')));
  if (value['flags'] === undefined) return { version, routes };
  const flags = list(value, 'flags').map((item) => askedFlags(record(item, 'flags')));
  return { version, routes, flags };
}

function route(value: Record<string, unknown>): Route {
  const { strata, oneVotePer, rules, sticky, mirror, policy, previewRevisionId, faults } = value;
  const { cachePurges } = value;
  return {
    service: text(value, 'service'),
    host: text(value, 'host'),
    requestTimeoutMs: integer(value, 'requestTimeoutMs'),
    backends: list(value, 'backends').map((item) => backend(record(item, 'backend'))),
    matches: list(value, 'matches').map((item) => match(record(item, 'match'))),
    ...(strata === undefined
      ? {}
      : { strata: list(value, 'strata').map((item) => stratum(record(item, 'stratum'))) }),
    ...(oneVotePer === undefined ? {} : { oneVotePer: voteRule(record(oneVotePer, 'oneVotePer')) }),
    ...(rules === undefined
      ? {}
      : { rules: list(value, 'rules').map((item) => routeRule(record(item, 'rule'))) }),
    ...(sticky === undefined ? {} : { sticky: stickyRule(record(sticky, 'sticky')) }),
    ...(policy === undefined ? {} : { policy: trafficPolicy(record(policy, 'policy')) }),
    ...(mirror === undefined ? {} : { mirror: mirrorRule(record(mirror, 'mirror')) }),
    ...(previewRevisionId === undefined
      ? {}
      : { previewRevisionId: text(value, 'previewRevisionId') }),
    ...(faults === undefined
      ? {}
      : { faults: list(value, 'faults').map((item) => faultRule(record(item, 'fault'))) }),
    ...(cachePurges === undefined
      ? {}
      : {
          cachePurges: list(value, 'cachePurges').map((item) => cachePurge(record(item, 'purge'))),
        }),
  };
}

function stratum(value: Record<string, unknown>): StratumMatch {
  const { path, method, header } = value;
  return {
    name: text(value, 'name'),
    path: path === null ? null : text(value, 'path'),
    method: method === null ? null : text(value, 'method'),
    header: header === null ? null : headerMatch(header),
  };
}

function voteRule(value: Record<string, unknown>): VoteRule {
  const client = record(value['client'], 'client');
  const kind = text(client, 'kind');
  const windowMs = integer(value, 'windowMs');
  if (kind === 'address') return { client: { kind }, windowMs };
  if (kind === 'header') return { client: { kind, name: text(client, 'name') }, windowMs };
  throw new MalformedError(`unknown client '${kind.slice(0, 40)}'`);
}

function backend(value: Record<string, unknown>): Backend {
  const weightPercent = value['weightPercent'];
  if (typeof weightPercent !== 'number') throw new MalformedError('weightPercent must be a number');
  const endpoints = list(value, 'endpoints').map((item) => {
    const endpoint = record(item, 'endpoint');
    return {
      instanceId: text(endpoint, 'instanceId'),
      host: text(endpoint, 'host'),
      port: integer(endpoint, 'port'),
      ...(endpoint['zone'] === undefined ? {} : { zone: text(endpoint, 'zone') }),
      ...(endpoint['appProtocol'] === undefined ? {} : { appProtocol: appProtocol(endpoint) }),
      ...(endpoint['identity'] === undefined ? {} : { identity: text(endpoint, 'identity') }),
    };
  });
  return {
    revisionId: text(value, 'revisionId'),
    weightPercent,
    endpoints,
    ...(value['wake'] === undefined ? {} : { wake: wakeRule(record(value['wake'], 'wake')) }),
  };
}

function wakeRule(value: Record<string, unknown>): WakeRule {
  return {
    timeoutMs: integer(value, 'timeoutMs'),
    requestsMax: integer(value, 'requestsMax'),
    ...(value['isFailing'] === true ? { isFailing: true } : {}),
  };
}

/** One that this gateway does not speak must not be taken for HTTP/1.1. */
function appProtocol(value: Record<string, unknown>): AppProtocol {
  const name = text(value, 'appProtocol');
  if (name === h2c || name === https) return name;
  throw new MalformedError(`unknown appProtocol '${name.slice(0, 40)}'`);
}

function match(value: Record<string, unknown>): RouteMatch {
  const revisionId = text(value, 'revisionId');
  const whole = value['match'];
  return whole === undefined
    ? { header: headerMatch(value['header']), revisionId }
    : { match: requestMatch(record(whole, 'match')), revisionId };
}

function headerMatch(value: unknown): HeaderMatch {
  const header = record(value, 'header');
  return { name: text(header, 'name'), value: text(header, 'value') };
}

function workers(item: unknown): WorkersReading {
  const value = record(item, 'workers');
  return {
    wanted: integer(value, 'wanted'),
    serving: integer(value, 'serving'),
    lost: integer(value, 'lost'),
  };
}

function counterReading(item: unknown): CounterReading {
  const value = record(item, 'counter');
  const byStatusClass = list(value, 'byStatusClass').map(total);
  if (byStatusClass.length !== 6) throw new MalformedError('byStatusClass must have 6 totals');
  return {
    generation: integer(value, 'generation'),
    service: text(value, 'service'),
    revisionId: text(value, 'revisionId'),
    instanceId: text(value, 'instanceId'),
    isMatched: value['isMatched'] === true,
    byStatusClass,
    latency: list(value, 'latency').map(latencyPair),
    ...(value['ejections'] === undefined
      ? {}
      : { ejections: total(value['ejections']), readmissions: total(value['readmissions'] ?? 0) }),
    ...(value['stratum'] === undefined ? {} : { stratum: text(value, 'stratum') }),
    ...(value['setAside'] === undefined ? {} : { setAside: setAside(text(value, 'setAside')) }),
  };
}

/** One that a newer gateway knows must not become evidence here. */
function setAside(reason: string): SetAside | CountedApart {
  const known = [...setAsides, ...countedApart].find((each) => each === reason);
  if (known !== undefined) return known;
  throw new MalformedError(`unknown reason to set requests aside '${reason.slice(0, 40)}'`);
}

function underWayPair(item: unknown): UnderWayReading {
  if (!Array.isArray(item) || item.length !== 2 || typeof item[0] !== 'string') {
    throw new MalformedError('underWay must be pairs of an instance and a number');
  }
  return [item[0], total(item[1])];
}

function latencyPair(item: unknown): readonly [number, number] {
  if (!Array.isArray(item) || item.length !== 2) throw new MalformedError('latency must be pairs');
  const bucket = total(item[0]);
  if (bucket >= latencyBucketCount)
    throw new MalformedError(`there is no latency bucket ${bucket}`);
  return [bucket, total(item[1])];
}

function total(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new MalformedError('a total must be an integer >= 0');
}
