import { z } from 'zod';
import { duration, field, integer, mapping, number, ratio } from './fields.ts';
import { name } from './names.ts';
import { cpu, memory } from './quantity.ts';
import { quoted, read, refused, wrongType } from './reading.ts';
import type { Reading } from './reading.ts';
import { readSeries } from './series-selector.ts';

const hourMs = 3_600_000;
/** More policies for one direction tell nobody anything. */
const policyCountMax = 10;
const metricCountMax = 8;

/** `scale:` of a service: a number of instances, or how it follows the load. What depends on other keys is set by the document. */
export function scaleSchema() {
  const count = () => integer({ min: 1, max: 1000 });
  const scale = mapping({
    min: integer({ min: 0, max: 1000 }).optional(),
    max: count().optional(),
    on: onSchema().optional(),
    behavior: behaviorSchema().optional(),
    window: duration({ minMs: 6_000, maxMs: hourMs, usualUnit: 's' }).optional(),
    toZero: toZeroSchema().optional(),
  });
  return scale.superRefine((written, context) => {
    const { min = 1, max, on, behavior } = written;
    refuseSleep(written, context);
    if (on?.concurrency !== undefined && behavior !== undefined) {
      const message = 'is not for concurrency, which has windows of its own; remove it';
      context.addIssue({ code: 'custom', path: ['behavior'], message });
    }
    if (max === undefined || max >= min) return;
    context.addIssue({
      code: 'custom',
      path: ['max'],
      message: `is ${max}, less than "min" (${min})`,
    });
  });
}

/** How a service goes to zero instances and comes back; the first word is Knative's. */
function toZeroSchema() {
  return mapping({
    retentionPeriod: duration({ minMs: 0, maxMs: hourMs, usualUnit: 's' }).optional(),
    wakeTimeout: duration({ minMs: 1_000, maxMs: 600_000, usualUnit: 's' }).optional(),
    waitingRequests: integer({ min: 1, max: 100_000 }).optional(),
  });
}

interface Sleeping {
  readonly min?: number | undefined;
  readonly on?: { readonly concurrency?: number | undefined } | undefined;
  readonly window?: number | undefined;
  readonly toZero?: object | undefined;
}

/** To zero goes who is woken again: by requests that wait at the gateway, which only requests under way count. */
function refuseSleep({ min, on, window, toZero }: Sleeping, context: IssueSink): void {
  const refuse = (key: string, message: string): void => {
    context.addIssue({ code: 'custom', path: [key], message });
  };
  const isByConcurrency = on?.concurrency !== undefined;
  if (min === 0 && !isByConcurrency) {
    refuse(
      'min',
      'may be 0 only with "on: { concurrency: ... }", as nothing else starts an instance again; write 1',
    );
  }
  if (window !== undefined && !isByConcurrency) {
    refuse('window', 'is of "on: { concurrency: ... }"; other metrics have "behavior"');
  }
  if (toZero !== undefined && min !== 0)
    refuse('toZero', 'is for "min: 0"; write that, or remove it');
}

/** What an instance asks for and what it may have at most, in the words of Kubernetes. */
export function resourcesSchema() {
  const amounts = (leastMemory: string) =>
    mapping({
      cpu: cpu({ minCores: 0.01, maxCores: 1000 }).optional(),
      memory: memory({ min: leastMemory, max: '10Ti' }).optional(),
    });
  const resources = mapping({
    requests: amounts('1Mi').prefault({}),
    // Less than this no program starts in: it would be killed before it says why.
    limits: amounts('8Mi').optional(),
  });
  return resources.superRefine(({ requests, limits = {} }, context) => {
    for (const kind of ['cpu', 'memory'] as const) {
      const [asked, most] = [requests[kind], limits[kind]];
      if (asked === undefined || most === undefined || asked <= most) continue;
      const message = `is less than "requests.${kind}": an instance may not ask for more than it may have`;
      context.addIssue({ code: 'custom', path: ['limits', kind], message });
    }
  });
}

export type ScaleInput = z.output<ReturnType<typeof scaleSchema>>;
export type ResourcesInput = z.output<ReturnType<typeof resourcesSchema>>;

/** What one instance should use on average. */
function onSchema() {
  const share = (examplePercent: number) =>
    ratio({ unit: '%', minPercent: 1, maxPercent: 1000, examplePercent }).optional();
  const on = mapping({
    cpu: share(70),
    memory: share(75),
    requestsPerSecond: number({ min: 0.001, max: 1_000_000 }).optional(),
    concurrency: number({ min: 0.01, max: 1_000_000 }).optional(),
    metrics: z.array(ownMetricSchema()).min(1).max(metricCountMax).optional(),
  });
  return on.superRefine((written, context) => {
    const given = Object.entries(written).flatMap(([key, target]) =>
      target === undefined ? [] : [key],
    );
    if (given.length > 1 && written.concurrency !== undefined) {
      const others = given.filter((key) => key !== 'concurrency').join(' and ');
      const message = `can't be followed together with ${others}; leave one out`;
      context.addIssue({ code: 'custom', path: ['concurrency'], message });
    }
    refuseTwins(written.metrics ?? [], context);
    if (given.length > 0) return;
    const message =
      'must have at least one of cpu, memory, requestsPerSecond, concurrency, metrics';
    context.addIssue({ code: 'custom', message });
  });
}

/** A value of now that instances publish, such as the length of a queue. */
function ownMetricSchema() {
  return mapping({
    name: name(),
    gauge: field(readSeries, { type: 'string', minLength: 1 }),
    average: number({ min: 0.000_001, max: 1e12 }),
  });
}

interface Named {
  readonly name: string;
}

interface IssueSink {
  addIssue(issue: {
    readonly code: 'custom';
    readonly path: PropertyKey[];
    readonly message: string;
  }): void;
}

function refuseTwins(metrics: readonly Named[], context: IssueSink): void {
  const names = metrics.map((each) => each.name);
  for (const [index, each] of names.entries()) {
    const isOwn = names.indexOf(each) === index && !takenNames.includes(each);
    const message = `"${each}" is the name of another metric`;
    if (!isOwn) context.addIssue({ code: 'custom', path: ['metrics', index, 'name'], message });
  }
}

const takenNames = ['cpu', 'memory', 'concurrency'];

function behaviorSchema() {
  return mapping({ scaleUp: rulesSchema().optional(), scaleDown: rulesSchema().optional() });
}

const selections = ['max', 'min', 'disabled'] as const;
const kinds = ['instances', 'percent'] as const;

function rulesSchema() {
  return mapping({
    stabilizationWindow: duration({ minMs: 0, maxMs: hourMs, usualUnit: 's' }).optional(),
    selectPolicy: oneOf(selections).optional(),
    policies: z.array(policySchema()).min(1).max(policyCountMax).optional(),
  });
}

function policySchema() {
  return mapping({
    type: oneOf(kinds),
    value: integer({ min: 1, max: 10_000 }),
    period: duration({ minMs: 1000, maxMs: hourMs / 2, usualUnit: 's' }),
  });
}

function oneOf<Word extends string>(words: readonly Word[]) {
  const reader = (input: unknown): Reading<Word> => {
    if (typeof input !== 'string') return wrongType('a text');
    const found = words.find((each) => each === input);
    if (found !== undefined) return read(found);
    const lower = words.find((each) => each === input.toLowerCase());
    const hint = lower === undefined ? null : `did you mean ${quoted(lower)}?`;
    return refused(`must be one of ${words.join(', ')}, not ${quoted(input)}`, hint);
  };
  return field(reader, { type: 'string', enum: words });
}
