import { checkHeaderName, type Note } from './check-header-name.ts';
import { checkJwt } from '../check-jwt-rule.ts';
import { checkRateLimits } from '../limits/check-rate-limits.ts';
import { checkRetries } from '../resilience/check-traffic-policy.ts';
import type { MirrorRule } from '../mirror.ts';
import { pathMatchTypes, type NamedValue, type RequestMatch } from './request-match.ts';
import type { RouteRule, RuleTimeouts } from './route-rules.ts';
import type { StickyRule } from './sticky.ts';

/** Those of HTTPRouteRule and its parts, but for headers, which are bounded by what a head may have. */
export const ruleLimits = {
  rulesPerRoute: 16,
  matchesPerRule: 64,
  headersPerMatch: 16,
  queryParamsPerMatch: 16,
  cookiesPerMatch: 16,
  textLength: 4096,
  timeoutMs: 3_600_000,
} as const;

export function checkRules(rules: readonly RouteRule[], place: string, note: Note): void {
  if (rules.length > ruleLimits.rulesPerRoute) {
    note(place, `more than ${ruleLimits.rulesPerRoute}`);
    return;
  }
  const names = new Set<string>();
  for (const [index, rule] of rules.entries()) {
    const { name, matches, timeouts, maxBodyBytes = 0, retries, rateLimits = [] } = rule;
    const rulePlace = `${place}[${index}]`;
    if (name === '' || names.has(name)) {
      note(`${rulePlace}.name`, `'${name}' must be a name of its own`);
    }
    names.add(name);
    if (!Number.isSafeInteger(maxBodyBytes) || maxBodyBytes < 0) {
      note(`${rulePlace}.maxBodyBytes`, `must be 0 or more, but is ${maxBodyBytes}`);
    }
    if (matches.length > ruleLimits.matchesPerRule) {
      note(`${rulePlace}.matches`, `more than ${ruleLimits.matchesPerRule}`);
      continue;
    }
    for (const [at, match] of matches.entries()) {
      checkMatch(match, `${rulePlace}.matches[${at}]`, note);
    }
    if (timeouts !== undefined) checkTimeouts(timeouts, `${rulePlace}.timeouts`, note);
    if (retries !== undefined) checkRetries(retries, `${rulePlace}.retries`, note);
    checkRateLimits(rateLimits, `${rulePlace}.rateLimits`, note);
    if (rule.jwt !== undefined) checkJwt(rule.jwt, `${rulePlace}.jwt`, note);
  }
}

export function checkMatch(match: RequestMatch, place: string, note: Note): void {
  const { path, headers, queryParams, cookies } = match;
  if (!pathMatchTypes.includes(path.type)) note(`${place}.path.type`, `'${path.type}' is unknown`);
  if (!path.value.startsWith('/') || path.value.length > ruleLimits.textLength) {
    note(
      `${place}.path.value`,
      `must begin with '/', and be ${ruleLimits.textLength} long at most`,
    );
  }
  for (const { name } of headers) checkHeaderName(name, `${place}.headers`, note);
  checkValues(headers, ruleLimits.headersPerMatch, `${place}.headers`, note);
  checkValues(queryParams, ruleLimits.queryParamsPerMatch, `${place}.queryParams`, note);
  checkValues(cookies, ruleLimits.cookiesPerMatch, `${place}.cookies`, note);
}

export function checkSticky({ key, seed }: StickyRule, place: string, note: Note): void {
  if (seed.length > ruleLimits.textLength) note(`${place}.seed`, 'is too long');
  switch (key.kind) {
    case 'address':
      return;
    case 'header':
      checkHeaderName(key.name, `${place}.key.name`, note);
      return;
    case 'cookie':
      if (key.name === '') note(`${place}.key.name`, 'must not be empty');
  }
}

export function checkMirror(
  { revisionId, percent }: MirrorRule,
  {
    revisions,
    place,
    note,
  }: {
    readonly revisions: ReadonlySet<string>;
    readonly place: string;
    readonly note: Note;
  },
): void {
  if (!revisions.has(revisionId)) {
    note(`${place}.revisionId`, `'${revisionId}' is not a backend of this route`);
  }
  checkPercent(percent, `${place}.percent`, note);
}

/** A multiple of 0.1 in (0, 100]; 0.3 is not exact in binary, so it is compared within 1e-6. */
export function checkPercent(percent: number, place: string, note: Note): void {
  const isStep = Math.abs(percent * 10 - Math.round(percent * 10)) < 1e-6;
  if (percent > 0 && percent <= 100 && isStep) return;
  note(place, `must be more than 0 and at most 100 in steps of 0.1, but is ${percent}`);
}

function checkValues(
  values: readonly NamedValue[],
  countMax: number,
  place: string,
  note: Note,
): void {
  if (values.length > countMax) note(place, `more than ${countMax}`);
  for (const [index, { name, value }] of values.entries()) {
    if (name === '') note(`${place}[${index}].name`, 'must not be empty');
    if (name.length + value.length > ruleLimits.textLength) {
      note(`${place}[${index}]`, `is longer than ${ruleLimits.textLength}`);
    }
  }
}

function checkTimeouts(timeouts: RuleTimeouts, place: string, note: Note): void {
  const { requestMs, backendRequestMs, idleMs } = timeouts;
  for (const [name, ms] of Object.entries({ requestMs, backendRequestMs, idleMs })) {
    if (ms === undefined) continue;
    if (!Number.isSafeInteger(ms) || ms < 1 || ms > ruleLimits.timeoutMs) {
      note(`${place}.${name}`, `must be 1-${ruleLimits.timeoutMs}, but is ${ms}`);
    }
  }
  if (requestMs !== undefined && backendRequestMs !== undefined && backendRequestMs > requestMs) {
    note(`${place}.backendRequestMs`, `must be ${requestMs} at most, as one attempt is a part`);
  }
}
