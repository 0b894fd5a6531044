import { z } from 'zod';
import { duration, field, mapping, number, ratio, text } from './fields.ts';
import type { TextRule } from './fields.ts';
import { headerNameRule, headerValueRule, methodRule, name, pathRule } from './names.ts';
import { quoted, read, refused, wrongType } from './reading.ts';
import type { Reading } from './reading.ts';
import { readSeries } from './series-selector.ts';

/**
 * What is evidence for the gate besides requests counted one by one: kinds of requests compared apart, votes of clients, and
 * metrics of the service.
 */

/** As many as the gate keeps apart. */
const strataCountMax = 16;
/** Each has its part of the false rollbacks allowed, so many would leave none enough. */
const metricCountMax = 16;
const hourMs = 3_600_000;

export function strataSchema() {
  const stratum = mapping({ name: name(), match: matchSchema() });
  return z
    .array(stratum)
    .min(1)
    .max(strataCountMax)
    .superRefine((strata, context) => {
      refuseTwins(strata, 'stratum', context);
      for (const [index, each] of strata.entries()) {
        if (each.name !== 'other') continue;
        const message = 'must not be "other": that has what no stratum fits';
        context.addIssue({ code: 'custom', path: [index, 'name'], message });
      }
    });
}

function matchSchema() {
  const match = mapping({
    path: text(plainPathRule).optional(),
    method: text(methodRule).optional(),
    header: text(headerNameRule).optional(),
    value: text(headerValueRule).optional(),
  });
  return match.superRefine((written, context) => {
    const { path, method, header, value } = written;
    const refuse = (message: string) => context.addIssue({ code: 'custom', message });
    if ((header === undefined) !== (value === undefined)) {
      refuse('must have both header and value, or neither');
    } else if (path === undefined && method === undefined && header === undefined) {
      refuse('must have at least one of path, method, and header with value');
    }
  });
}

const plainPathRule: TextRule = (path) =>
  path.includes('?')
    ? { reason: 'must have no query', hint: 'queries are not compared' }
    : pathRule(path);

/** Who is one client. */
export type VoteClient =
  | { readonly kind: 'address' }
  /** In lower case. */
  | { readonly kind: 'header'; readonly name: string };

export function voteSchema() {
  return mapping({
    client: field(readClient, {
      type: 'string',
      pattern: "^(address|header [!#$%&'*+.^_`|~0-9A-Za-z-]+)$",
    }),
    window: duration({ minMs: 1000, maxMs: hourMs, usualUnit: 's' }).prefault('10s'),
  });
}

function readClient(input: unknown): Reading<VoteClient> {
  const wanted = 'address, or header and a name such as header x-user';
  if (typeof input !== 'string') return wrongType(wanted);
  if (input === 'address') return read({ kind: 'address' });
  const [, header] = /^header +(\S+)$/.exec(input) ?? [];
  if (header === undefined) return refused(`must be ${wanted}, not ${quoted(input)}`);
  const fault = headerNameRule(header);
  return fault === null
    ? read({ kind: 'header', name: header.toLowerCase() })
    : refused(fault.reason, fault.hint);
}

export function metricsSchema() {
  return z
    .array(metricSchema())
    .min(1)
    .max(metricCountMax)
    .superRefine((metrics, context) => {
      refuseTwins(metrics, 'metric', context);
      for (const [index, each] of metrics.entries()) {
        if (each.name !== 'errors' && each.name !== 'latency') continue;
        const message = `must not be "${each.name}": the gate's own metric has that name`;
        context.addIssue({ code: 'custom', path: [index, 'name'], message });
      }
    });
}

function metricSchema() {
  const series = () => field(readSeries, { type: 'string', minLength: 1 });
  const metric = mapping({
    name: name(),
    weight: number({ min: 0.01, max: 100 }).prefault(0.25),
    counter: mapping({ bad: series(), total: series() }).optional(),
    histogram: field(readHistogram, { type: 'string', minLength: 1 }).optional(),
    slowerBy: ratio({ unit: '%', minPercent: 0, maxPercent: 1000, examplePercent: 10 }).optional(),
  });
  return metric.superRefine(({ counter, histogram, slowerBy }, context) => {
    if ((counter === undefined) === (histogram === undefined)) {
      const found = counter === undefined ? 'none' : 'both';
      const message = `must have exactly one of counter and histogram; it has ${found}`;
      context.addIssue({ code: 'custom', message });
    } else if (counter !== undefined && slowerBy !== undefined) {
      const message = 'is only for a histogram';
      context.addIssue({ code: 'custom', path: ['slowerBy'], message });
    }
  });
}

function readHistogram(input: unknown): ReturnType<typeof readSeries> {
  const reading = readSeries(input);
  if (reading.kind !== 'read') return reading;
  const { name: series, labels } = reading.value;
  if (Object.hasOwn(labels, 'le')) return refused('must not have the label "le"', 'remove it');
  const part = /_(bucket|sum|count)$/.exec(series);
  if (part === null) return reading;
  return refused(`must be a histogram's own name, not ${quoted(series)}`, `leave ${part[0]} out`);
}

function refuseTwins(
  items: readonly { readonly name: string }[],
  what: string,
  context: { addIssue(issue: { code: 'custom'; path: PropertyKey[]; message: string }): void },
): void {
  const names = items.map((item) => item.name);
  for (const [index, each] of names.entries()) {
    if (names.indexOf(each) === index) continue;
    const message = `"${each}" is the name of an earlier ${what}`;
    context.addIssue({ code: 'custom', path: [index, 'name'], message });
  }
}
