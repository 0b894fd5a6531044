import { checkAskedFlags } from '../../flags/check-flags.ts';
import { checkPurges } from '../../cache/check-cache-rule.ts';
import { checkHeaderName, type Note } from './check-header-name.ts';
import { checkMatch, checkMirror, checkRules, checkSticky } from './check-route-rules.ts';
import { checkFaults } from '../faults/check-fault-rules.ts';
import { checkTrafficPolicy } from '../resilience/check-traffic-policy.ts';
import { otherStratum } from '../samples/request-class.ts';
import { parseSpiffeId } from '../../identity/spiffe-id.ts';
import { type Backend, type Endpoint, https, type Route, type RouteTable } from './route-table.ts';
import { wakeLimits } from '../wake-rule.ts';

/** Why a table must not be applied, with the place in it. */
export interface RouteTableProblem {
  /** As `routes[0].backends[1].weightPercent`. */
  readonly place: string;
  readonly message: string;
}

/** Bounds of a table, so that a broken sender cannot take the gateway down. */
export const routeTableLimits = {
  routes: 1000,
  backendsPerRoute: 16,
  matchesPerRoute: 64,
  endpointsPerBackend: 1000,
  requestTimeoutMs: 3_600_000,
  strataPerRoute: 16,
  voteWindowMs: 3_600_000,
} as const;

/** Everything wrong with a table; empty: it may be applied. */
export function checkRouteTable(table: RouteTable): readonly RouteTableProblem[] {
  const problems: RouteTableProblem[] = [];
  const note = (place: string, message: string) => problems.push({ place, message });
  if (!Number.isSafeInteger(table.version) || table.version < 1) {
    note('version', `must be an integer >= 1, but is ${table.version}`);
  }
  if (table.routes.length > routeTableLimits.routes) {
    note('routes', `has ${table.routes.length}, at most ${routeTableLimits.routes} are taken`);
    return problems;
  }
  const hosts = new Map<string, number>();
  for (const [index, route] of table.routes.entries()) {
    const place = `routes[${index}]`;
    const before = hosts.get(route.host);
    if (before !== undefined) {
      note(`${place}.host`, `'${route.host}' is the host of routes[${before}] already`);
    }
    hosts.set(route.host, index);
    checkRoute(route, place, note);
  }
  checkAskedFlags(table.flags ?? [], note);
  return problems;
}

function checkRoute(route: Route, place: string, note: Note): void {
  if (route.service === '') note(`${place}.service`, 'must not be empty');
  if (!/^(\[[0-9a-f:.]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*)$/.test(route.host)) {
    note(`${place}.host`, `'${route.host}' must be a host name in lower case without a port`);
  }
  const { requestTimeoutMs: timeoutMs } = route;
  const timeoutMaxMs = routeTableLimits.requestTimeoutMs;
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > timeoutMaxMs) {
    note(`${place}.requestTimeoutMs`, `must be 1-${timeoutMaxMs}, but is ${timeoutMs}`);
  }
  checkBackends(route, place, note);
  checkCounting(route, place, note);
  if (route.policy !== undefined) checkTrafficPolicy(route.policy, `${place}.policy`, note);
  if (route.matches.length > routeTableLimits.matchesPerRoute) {
    note(`${place}.matches`, `more than ${routeTableLimits.matchesPerRoute}`);
  }
  const revisions = new Set(route.backends.map((backend) => backend.revisionId));
  for (const [index, each] of route.matches.entries()) {
    const matchPlace = `${place}.matches[${index}]`;
    if ('match' in each) checkMatch(each.match, `${matchPlace}.match`, note);
    else checkHeaderName(each.header.name, `${matchPlace}.header.name`, note);
    if (!revisions.has(each.revisionId)) {
      note(`${matchPlace}.revisionId`, `'${each.revisionId}' is not a backend of this route`);
    }
  }
  const { previewRevisionId: preview } = route;
  if (preview !== undefined && !revisions.has(preview)) {
    note(`${place}.previewRevisionId`, `'${preview}' is not a backend of this route`);
  }
  if (route.mirror !== undefined) {
    checkMirror(route.mirror, { revisions, place: `${place}.mirror`, note });
  }
  if (route.rules !== undefined) checkRules(route.rules, `${place}.rules`, note);
  if (route.faults !== undefined) checkFaults(route.faults, `${place}.faults`, note);
  checkPurges(route.cachePurges ?? [], `${place}.cachePurges`, note);
  if (route.sticky !== undefined) checkSticky(route.sticky, `${place}.sticky`, note);
}

/** How requests are counted: strata and votes. */
function checkCounting({ strata = [], oneVotePer }: Route, place: string, note: Note): void {
  if (strata.length > routeTableLimits.strataPerRoute) {
    note(`${place}.strata`, `more than ${routeTableLimits.strataPerRoute}`);
  }
  const names = new Set([otherStratum]);
  for (const [index, { name, header }] of strata.entries()) {
    const stratumPlace = `${place}.strata[${index}]`;
    if (name === '' || names.has(name)) {
      note(`${stratumPlace}.name`, `'${name}' must be a name of its own`);
    }
    names.add(name);
    if (header !== null) checkHeaderName(header.name, `${stratumPlace}.header.name`, note);
  }
  if (oneVotePer === undefined) return;
  const { client, windowMs } = oneVotePer;
  const windowMaxMs = routeTableLimits.voteWindowMs;
  if (!Number.isSafeInteger(windowMs) || windowMs < 1 || windowMs > windowMaxMs) {
    note(`${place}.oneVotePer.windowMs`, `must be 1-${windowMaxMs}, but is ${windowMs}`);
  }
  if (client.kind === 'header') {
    checkHeaderName(client.name, `${place}.oneVotePer.client.name`, note);
  }
}

function checkBackends(route: Route, place: string, note: Note): void {
  const { backends } = route;
  if (backends.length === 0 || backends.length > routeTableLimits.backendsPerRoute) {
    const most = routeTableLimits.backendsPerRoute;
    note(`${place}.backends`, `must be 1-${most}, but there are ${backends.length}`);
  }
  const seen = new Set<string>();
  for (const [index, backend] of backends.entries()) {
    const backendPlace = `${place}.backends[${index}]`;
    if (backend.revisionId === '') note(`${backendPlace}.revisionId`, 'must not be empty');
    if (seen.has(backend.revisionId)) {
      note(`${backendPlace}.revisionId`, `'${backend.revisionId}' is there twice`);
    }
    seen.add(backend.revisionId);
    checkWeight(backend, backendPlace, note);
    checkEndpoints(backend.endpoints, `${backendPlace}.endpoints`, note);
    checkWake(backend, `${backendPlace}.wake`, note);
  }
  const permille = backends.reduce((sum, { weightPercent }) => {
    return sum + Math.round(weightPercent * 10);
  }, 0);
  if (permille !== 1000) {
    note(`${place}.backends`, `weights must sum to 100, but sum to ${permille / 10}`);
  }
}

function checkWake({ wake }: Backend, place: string, note: Note): void {
  if (wake === undefined) return;
  for (const key of ['timeoutMs', 'requestsMax'] as const) {
    const { least, most } = wakeLimits[key];
    const value = wake[key];
    if (Number.isSafeInteger(value) && value >= least && value <= most) continue;
    note(`${place}.${key}`, `must be ${least}-${most}, but is ${value}`);
  }
}

/** A weight is a multiple of 0.1 in [0, 100]; 0.3 is not exact in binary, so it is compared within 1e-6. */
function checkWeight({ weightPercent }: Backend, place: string, note: Note): void {
  const inRange = weightPercent >= 0 && weightPercent <= 100;
  const isStep = Math.abs(weightPercent * 10 - Math.round(weightPercent * 10)) < 1e-6;
  if (!inRange || !isStep) {
    note(`${place}.weightPercent`, `must be 0-100 in steps of 0.1, but is ${weightPercent}`);
  }
}

function checkEndpoints(endpoints: readonly Endpoint[], place: string, note: Note): void {
  if (endpoints.length > routeTableLimits.endpointsPerBackend) {
    note(place, `more than ${routeTableLimits.endpointsPerBackend}`);
    return;
  }
  const seen = new Set<string>();
  for (const [index, endpoint] of endpoints.entries()) {
    const { instanceId, host, port, zone } = endpoint;
    checkIdentity(endpoint, `${place}[${index}]`, note);
    if (zone !== undefined && !zonePattern.test(zone)) {
      note(`${place}[${index}].zone`, `'${zone.slice(0, 70)}' must be ${zoneWords}`);
    }
    if (instanceId === '') note(`${place}[${index}].instanceId`, 'must not be empty');
    if (seen.has(instanceId))
      note(`${place}[${index}].instanceId`, `'${instanceId}' is there twice`);
    seen.add(instanceId);
    if (!/^[A-Za-z0-9.:_-]+$/.test(host)) {
      note(`${place}[${index}].host`, `'${host}' must be a host name or an address`);
    }
    if (!Number.isInteger(port) || port < 1 || port > 65535) {
      note(`${place}[${index}].port`, `must be 1-65535, but is ${port}`);
    }
  }
}

/** An instance that is spoken to over TLS is known by its identifier, and by nothing else. */
function checkIdentity({ appProtocol, identity }: Endpoint, place: string, note: Note): void {
  if ((appProtocol === https) !== (identity !== undefined)) {
    note(`${place}.identity`, 'must be there for the appProtocol https, and only then');
  } else if (identity !== undefined && parseSpiffeId(identity).kind === 'malformed') {
    note(`${place}.identity`, 'must be a SPIFFE identifier');
  }
}

/** As a label's value in Kubernetes, where zones and regions are labels (`topology.kubernetes.io/zone`). */
export const zonePattern = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
export const zoneWords = '1-63 letters, digits, and inner . _ -';
