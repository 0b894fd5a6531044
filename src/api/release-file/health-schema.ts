import { z } from 'zod';
import { formatDuration } from './duration.ts';
import { duration, field, integer, mapping, text } from './fields.ts';
import { pathRule } from './names.ts';
import { read, wrongType } from './reading.ts';
import type { Reading } from './reading.ts';
import { commandSchema } from './command-schema.ts';

const hourMs = 3_600_000;
const thresholdMax = 1000;

/** `health:` of a service. A mere path has the platform's settings; a mapping has its own. */
export function healthSchema() {
  const health = mapping({
    startup: probeSchema({ isOnce: true }).optional(),
    ready: probeSchema({ isOnce: false }).prefault('/readyz'),
    live: probeSchema({ isOnce: true }).optional(),
    stopGrace: duration({ minMs: 0, maxMs: hourMs, usualUnit: 's' }).prefault('30s'),
    startTimeout: duration({ minMs: 100, maxMs: hourMs, usualUnit: 's' }).optional(),
  });
  return health.superRefine(({ startup, startTimeout }, context) => {
    if (startTimeout === undefined || startup === undefined) return;
    const mayTakeMs = startTimeMs(startup);
    if (startTimeout >= mayTakeMs) return;
    const message = `is ${formatDuration(startTimeout)}, shorter than "startup" may take (${formatDuration(mayTakeMs)})`;
    context.addIssue({ code: 'custom', path: ['startTimeout'], message });
  });
}

/** Every default of a probe written as a mapping; a path has none of its own. */
export const probeDefaults = {
  startup: { periodMs: 1000, timeoutMs: 1000, failureThreshold: 30 },
  ready: { periodMs: 1000, timeoutMs: 1000, failureThreshold: 2 },
  live: { periodMs: 1000, timeoutMs: 1000, failureThreshold: 3 },
} as const;

/** How long a startup probe lets a process start. */
export function startTimeMs(startup: ProbeInput): number {
  const { initialDelay = 0, ...probe } = startup;
  const {
    period = probeDefaults.startup.periodMs,
    failureThreshold = probeDefaults.startup.failureThreshold,
  } = probe;
  return initialDelay + period * failureThreshold;
}

function probeSchema(kind: { readonly isOnce: boolean }) {
  const pathOnly = text(pathRule).transform((http): ProbeInput => ({ http }));
  return z.union([pathOnly, probeMapping(kind)]);
}

export type ProbeInput = z.output<ReturnType<typeof probeMapping>>;

function probeMapping({ isOnce }: { readonly isOnce: boolean }) {
  const time = (minMs: number) => duration({ minMs, maxMs: hourMs, usualUnit: 's' }).optional();
  const threshold = (max: number) => integer({ min: 1, max }).optional();
  const probe = mapping({
    http: text(pathRule).optional(),
    tcp: field(readTrue, { type: 'boolean', const: true }).optional(),
    exec: commandSchema().optional(),
    initialDelay: time(0),
    period: time(100),
    timeout: time(10),
    // As in Kubernetes: what ends a process by failing has passed by one success.
    successThreshold: threshold(isOnce ? 1 : thresholdMax),
    failureThreshold: threshold(thresholdMax),
  });
  return probe.superRefine((written, context) => {
    const given = ['http', 'tcp', 'exec'].filter((key) => key in written);
    if (given.length === 1) return;
    const found = given.length === 0 ? 'none' : given.join(' and ');
    const message = `must have exactly one of http, tcp, exec; it has ${found}`;
    context.addIssue({ code: 'custom', message });
  });
}

function readTrue(input: unknown): Reading<true> {
  return input === true ? read(true) : wrongType('true');
}
