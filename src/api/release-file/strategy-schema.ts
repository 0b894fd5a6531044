import { z } from 'zod';
import { type ApprovalsInput, approvalsSchema } from './approvals-schema.ts';
import { formatDuration } from './duration.ts';
import {
  boolean,
  duration,
  field,
  integer,
  mapping,
  matching,
  ratio,
  text,
  textMap,
} from './fields.ts';
import { anyText, headerNameRule, headerValueRule, name, pathRule } from './names.ts';
import { readPercent } from './percentage.ts';
import { read, refused, type Reading, wrongType } from './reading.ts';

const hourMs = 3_600_000;
const checkCountMax = 50;
const bodyLengthMax = 65_536;
/** A check is no load test: those have a tool of their own. */
const requestsPerSecondMax = 5_000;
const warmUpRequestsMax = 10_000;

/** `blueGreen:` of a rollout. */
export function blueGreenSchema() {
  const blueGreen = mapping({
    standby: integer({ min: 1, max: 1000 }).optional(),
    warmUp: mapping({
      path: text(pathRule).prefault('/'),
      requests: integer({ min: 1, max: warmUpRequestsMax }),
    }).optional(),
    checks: checksSchema().prefault([]),
    load: loadSchema().optional(),
    within: duration({ minMs: 1000, maxMs: hourMs, usualUnit: 'm' }).prefault('2m'),
    approval: boolean().optional(),
    approvals: approvalsSchema().optional(),
  });
  return blueGreen.superRefine((written, context) => {
    const { load, within, approval, approvals } = written;
    if (load !== undefined && load.for >= within) {
      const message = `is ${formatDuration(load.for)}, not shorter than "within" (${formatDuration(within)})`;
      context.addIssue({ code: 'custom', path: ['load', 'for'], message });
    }
    if (approval === true && approvals !== undefined) {
      const message = 'cannot stand beside "approval": a switch waits for one thing';
      context.addIssue({ code: 'custom', path: ['approvals'], message });
    }
  });
}

/** As written. */
export interface BlueGreenInput {
  readonly standby?: number | undefined;
  readonly warmUp?: { readonly path: string; readonly requests: number } | undefined;
  readonly checks: readonly CheckInput[];
  readonly load?: LoadInput | undefined;
  readonly within: number;
  readonly approval?: boolean | undefined;
  readonly approvals?: ApprovalsInput | undefined;
}

interface CheckInput {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly status: number;
  readonly contains?: string | undefined;
  readonly timeout: number;
}

interface LoadInput {
  readonly path: string;
  readonly requestsPerSecond: number;
  readonly for: number;
  readonly failures: number;
  readonly p95?: number | undefined;
}

const methodRule = matching(
  /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$/,
  'GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS',
  7,
);

function checksSchema() {
  const check = mapping({
    name: name(),
    method: text(methodRule).prefault('GET'),
    path: text(pathRule).prefault('/'),
    headers: textMap(headerNameRule, headerValueRule).prefault({}),
    body: text(anyText(bodyLengthMax)).optional(),
    status: integer({ min: 100, max: 599 }).prefault(200),
    contains: text(containsRule).optional(),
    timeout: duration({ minMs: 1, maxMs: 60_000, usualUnit: 's' }).prefault('5s'),
  }).superRefine(({ method, body, headers }, context) => {
    if (body !== undefined && (method === 'GET' || method === 'HEAD')) {
      const message = `cannot stand beside the method ${method}`;
      context.addIssue({ code: 'custom', path: ['body'], message });
    }
    for (const header of Object.keys(headers)) {
      if (!ownHeaders.includes(header.toLowerCase())) continue;
      const message = 'is set by the check itself';
      context.addIssue({ code: 'custom', path: ['headers', header], message });
    }
  });
  return z
    .array(check)
    .max(checkCountMax)
    .superRefine((checks, context) => {
      const names = checks.map((each) => each.name);
      for (const [index, each] of names.entries()) {
        if (names.indexOf(each) === index) continue;
        const message = `"${each}" is the name of an earlier check`;
        context.addIssue({ code: 'custom', path: [index, 'name'], message });
      }
    });
}

const ownHeaders = [
  'host',
  'x-tidegate-preview',
  'content-length',
  'transfer-encoding',
  'connection',
  'upgrade',
  'expect',
];

const containsRule = (wanted: string) => {
  if (wanted === '') return { reason: 'must not be empty', hint: null };
  return anyText(1000)(wanted);
};

function loadSchema() {
  const failures = { unit: '%', minPercent: 0, maxPercent: 100, isMaxExcluded: true } as const;
  return mapping({
    path: text(pathRule).prefault('/'),
    requestsPerSecond: integer({ min: 1, max: requestsPerSecondMax }),
    for: duration({ minMs: 1000, maxMs: 600_000, usualUnit: 's' }).prefault('10s'),
    failures: ratio({ ...failures, examplePercent: 1 }).prefault('0%'),
    p95: duration({ minMs: 1, maxMs: 60_000, usualUnit: 'ms' }).optional(),
  });
}

/** `rolling:` of a rollout, in the words of a Deployment of Kubernetes. */
export function rollingSchema() {
  const rolling = mapping({
    maxSurge: amount().prefault('25%'),
    maxUnavailable: amount().prefault('25%'),
    progressDeadline: progressDeadline(),
  });
  return rolling.superRefine(({ maxSurge, maxUnavailable }, context) => {
    if (sizeOf(maxSurge) > 0 || sizeOf(maxUnavailable) > 0) return;
    const message = 'cannot be 0 beside a "maxSurge" of 0: no instance could be replaced';
    context.addIssue({ code: 'custom', path: ['maxUnavailable'], message });
  });
}

/** `recreate:` of a rollout. */
export function recreateSchema() {
  return mapping({ progressDeadline: progressDeadline() });
}

export type AmountInput =
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'percent'; readonly percent: number };

function sizeOf(written: AmountInput): number {
  return written.kind === 'count' ? written.count : written.percent;
}

function progressDeadline() {
  return duration({ minMs: 1000, maxMs: hourMs, usualUnit: 'm' }).prefault('10m');
}

const instancesMax = 1000;

/** A number of instances, or a part of all in percent (IntOrString of Kubernetes). */
/** A number of instances, or a percentage of those wanted. */
export function amount() {
  const schema = field(readAmount, { type: 'string' });
  return schema.meta({ type: ['integer', 'string'] });
}

function readAmount(input: unknown): Reading<AmountInput> {
  if (typeof input === 'number') {
    if (Number.isInteger(input) && input >= 0 && input <= instancesMax) {
      return read({ kind: 'count', count: input });
    }
    return refused(`must be 0 to ${instancesMax} or a percentage, not ${input}`);
  }
  if (typeof input !== 'string')
    return wrongType('a number of instances or a percentage', 'such as 1 or 25%');
  const share = { unit: '%', minPercent: 0, maxPercent: 100, examplePercent: 25 } as const;
  const reading = readPercent(input, share);
  return reading.kind === 'read' ? read({ kind: 'percent', percent: reading.value }) : reading;
}
