import { z } from 'zod';
import { duration, field, integer, mapping, matching, percent, text } from './fields.ts';
import type { TextRule } from './fields.ts';
import { headerNameRule, headerValueRule, methodRule, name } from './names.ts';
import { retriesSchema } from './policy-schema.ts';
import { jwtSchema } from './jwt-schema.ts';
import { rateLimitSchema } from './rate-limit-schema.ts';
import { quoted, read, refused, wrongType } from './reading.ts';
import type { Reading } from './reading.ts';

/**
 * Which requests are meant, and what holds for them: HTTPRouteMatch and HTTPRouteRule of the Gateway API v1, with its words
 * and its bounds.
 */
const matchCountMax = 64;
const partCountMax = 16;
const ruleCountMax = 16;
const hourMs = 3_600_000;
/** 1 TiB. */
const bodyBytesMax = 1_099_511_627_776;

export function rulesSchema() {
  const rule = mapping(
    {
      name: name(),
      matches: matchesSchema().optional(),
      timeouts: timeoutsSchema().optional(),
      maxBodyBytes: integer({ min: 0, max: bodyBytesMax }).optional(),
      retries: retriesSchema().optional(),
      rateLimit: rateLimitSchema().optional(),
      jwt: jwtSchema().optional(),
    },
    ['filters', 'backendRefs', 'sessionPersistence'],
  );
  return z
    .array(rule)
    .min(1)
    .max(ruleCountMax)
    .superRefine((rules, context) => {
      refuseTwins(rules, (each) => each, 'rule', context);
    });
}

export function matchesSchema() {
  return z.array(matchSchema()).min(1).max(matchCountMax);
}

function matchSchema() {
  const match = mapping({
    path: pathSchema().optional(),
    method: text(methodRule).optional(),
    headers: valuesSchema(headerNameRule, headerValueRule, (each) => each.toLowerCase()).optional(),
    queryParams: valuesSchema(parameterNameRule, plainValueRule, (each) => each).optional(),
    cookies: valuesSchema(cookieNameRule, cookieValueRule, (each) => each).optional(),
  });
  return match.superRefine((written, context) => {
    if (Object.values(written).some((part) => part !== undefined)) return;
    const message = 'must have at least one of path, method, headers, queryParams and cookies';
    context.addIssue({ code: 'custom', message });
  });
}

function pathSchema() {
  return mapping({
    type: field(readPathType, { type: 'string', enum: pathTypes }).prefault('PathPrefix'),
    value: text(matchedPathRule),
  });
}

type PathType = 'Exact' | 'PathPrefix';
const pathTypes: readonly PathType[] = ['Exact', 'PathPrefix'];

function readPathType(input: unknown): Reading<PathType> {
  const all = 'Exact or PathPrefix';
  if (typeof input !== 'string') return wrongType(all);
  const type = pathTypes.find((each) => each === input);
  if (type !== undefined) return read(type);
  if (input === 'RegularExpression')
    return refused(`must be ${all}, not ${quoted(input)}`, regularHint);
  const near = pathTypes.find((each) => each.toLowerCase() === input.toLowerCase());
  const hint = near === undefined ? null : `did you mean ${quoted(near)}?`;
  return refused(`must be ${all}, not ${quoted(input)}`, hint);
}

/** Why: no expression of a file may let a request hold the gateway up, and Node's engine backtracks. */
const regularHint = 'regular expressions are not taken: name each path, or a prefix of them';

/** As HTTPPathMatch of the Gateway API checks its values. */
const matchedPathRule: TextRule = (path) => {
  const fault = pathCharactersRule(path);
  if (fault !== null) {
    const isBare = /^[-./\w]+$/.test(path) && !path.startsWith('/');
    return isBare ? { reason: fault.reason, hint: `did you mean "/${path}"?` } : fault;
  }
  const inner = ['//', '/./', '/../', '%2f', '%2F'].find((part) => path.includes(part));
  if (inner !== undefined) return { reason: `must not have ${quoted(inner)}`, hint: null };
  const last = ['/.', '/..'].find((part) => path.endsWith(part));
  return last === undefined ? null : { reason: `must not end with ${quoted(last)}`, hint: null };
};

const pathCharactersRule = matching(
  /^\/(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*$/,
  'a path such as /search, without a query',
  1024,
);

/** Compared decoded, so it is written decoded. */
const plainValueRule = matching(/^[ -~]+$/, 'a value in visible ASCII', 1024);
const parameterNameRule = matching(/^[!-~]+$/, 'a name in visible ASCII', 256);
/** RFC 6265 section 4.1.1. */
const cookieNameRule = matching(
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/,
  'a cookie name such as session',
  128,
);
const cookieValueRule = matching(
  /^"?[!#-+\--:<-[\]-~]+"?$/,
  'a cookie value: visible ASCII but comma, semicolon, quotes and backslash',
  1024,
);

function valuesSchema(
  nameRule: TextRule,
  valueRule: TextRule,
  equivalent: (name: string) => string,
) {
  const value = mapping({
    type: field(readValueType, { type: 'string', enum: ['Exact'] }).prefault('Exact'),
    name: text(nameRule),
    value: text(valueRule),
  });
  return z
    .array(value)
    .min(1)
    .max(partCountMax)
    .superRefine((values, context) => refuseTwins(values, equivalent, 'item', context));
}

function readValueType(input: unknown): Reading<'Exact'> {
  if (input === 'Exact') return read('Exact');
  if (typeof input !== 'string') return wrongType('Exact');
  return refused(`must be Exact, not ${quoted(input)}`, 'values are compared as they are');
}

function timeoutsSchema() {
  const limit = (minMs: number) => duration({ minMs, maxMs: hourMs, usualUnit: 's' }).optional();
  const timeouts = mapping({ request: limit(0), backendRequest: limit(0), idle: limit(1) });
  return timeouts.superRefine(({ request = 0, backendRequest = 0 }, context) => {
    if (request === 0 || backendRequest <= request) return;
    const message = 'must not be longer than "request": one attempt is a part of it';
    context.addIssue({ code: 'custom', path: ['backendRequest'], message });
  });
}

/** Copies of stable's requests for the candidate: `10%`, or with the methods that are copied. */
export function mirrorSchema() {
  const share = () =>
    percent({ unit: '%', minPercent: 0.1, maxPercent: 100, examplePercent: 10 }).superRefine(
      (written, context) => {
        if (Number.isInteger(Number((written * 10).toFixed(9)))) return;
        const message = `must be a multiple of 0.1%, not ${written}%`;
        context.addIssue({ code: 'custom', message });
      },
    );
  const whole = mapping({
    percent: share(),
    methods: field(readMethods, { type: 'string', enum: ['safe', 'all'] }).prefault('safe'),
  });
  const short = share().transform((written) => ({ percent: written, methods: 'safe' as const }));
  return z.union([short, whole]);
}

function readMethods(input: unknown): Reading<'safe' | 'all'> {
  if (input === 'safe' || input === 'all') return read(input);
  if (typeof input !== 'string') return wrongType('safe or all');
  return refused(`must be safe or all, not ${quoted(input)}`);
}

/** Who stays with a revision. */
export function stickySchema() {
  const sticky = mapping({
    header: text(headerNameRule).optional(),
    cookie: text(cookieNameRule).optional(),
    client: field(readClient, { type: 'string', enum: ['address'] }).optional(),
  });
  return sticky.superRefine((written, context) => {
    const given = Object.entries(written).filter(([, value]) => value !== undefined);
    if (given.length === 1) return;
    const found = given.length === 0 ? 'none' : given.map(([key]) => key).join(' and ');
    const message = `must have exactly one of header, cookie and client; it has ${found}`;
    context.addIssue({ code: 'custom', message });
  });
}

function readClient(input: unknown): Reading<'address'> {
  if (input === 'address') return read('address');
  if (typeof input !== 'string') return wrongType('address');
  return refused(`must be address, not ${quoted(input)}`);
}

/** The Gateway API lets the later ones have no effect; whoever wrote them meant something by it. */
function refuseTwins(
  items: readonly { readonly name: string }[],
  equivalent: (name: string) => string,
  what: string,
  context: { addIssue(issue: { code: 'custom'; path: PropertyKey[]; message: string }): void },
): void {
  const names = items.map((item) => equivalent(item.name));
  for (const [index, item] of items.entries()) {
    if (names.indexOf(equivalent(item.name)) === index) continue;
    const message = `"${item.name}" is the name of an earlier ${what}`;
    context.addIssue({ code: 'custom', path: [index, 'name'], message });
  }
}
