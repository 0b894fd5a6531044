import { z } from 'zod';
import { budgetSchema } from './budget-schema.ts';
import { duration, integer, mapping, matching, ratio, text, textMap } from './fields.ts';
import {
  anyText,
  environmentNameRule,
  hostRule,
  labelKeyRule,
  labelValueRule,
  name,
  nameRule,
  pathRule,
} from './names.ts';
import { argumentLengthMax, commandSchema } from './command-schema.ts';
import { turnChecks } from './flag-checks.ts';
import { flagsSchema } from './flags-schema.ts';
import { healthSchema } from './health-schema.ts';
import { filesSchema, secretsSchema } from './inputs-schema.ts';
import { refuseHalfTls } from './mtls-conflicts.ts';
import { policySchemas } from './policy-schema.ts';
import { refuseClaimsWithoutToken } from './rate-limit-schema.ts';
import { rolloutSchema } from './rollout-schema.ts';
import { rulesSchema, stickySchema } from './route-schema.ts';
import { resourcesSchema, scaleSchema } from './scale-schema.ts';

const hourMs = 3_600_000;

/** Names of one list; keeps the graph of a set of files small enough to be looked at. */
const listCountMax = 100;
const zoneCountMax = 16;

export const apiVersion = 'tidegate.dev/v1';

/** A document of kind Service as it is written. Every default of the format stands in these schemas. */
export function serviceSchema() {
  return mapping({
    apiVersion: z.literal(apiVersion),
    kind: z.literal('Service'),
    metadata: mapping({
      name: name(),
      labels: textMap(labelKeyRule, labelValueRule).prefault({}),
      annotations: textMap(labelKeyRule, anyText(argumentLengthMax)).prefault({}),
    }),
    spec: specSchema(),
  });
}

/** What instances may speak besides HTTP/1.1, in the words of Kubernetes. */
export const appProtocols = ['kubernetes.io/h2c', 'https'] as const;

/** As values of `topology.kubernetes.io/zone`. */
function zonesSchema() {
  const rule = matching(/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/, 'a zone such as eu-1a', 63);
  return z.array(text(rule)).min(1).max(zoneCountMax);
}

function specSchema() {
  const spec = mapping({
    run: runSchema(),
    port: integer({ min: 1, max: 65_535 }).optional(),
    appProtocol: z.enum(appProtocols).optional(),
    zones: zonesSchema().optional(),
    disruptionBudget: budgetSchema().optional(),
    health: healthSchema().prefault({}),
    dependsOn: dependsOnSchema().prefault([]),
    scale: scaleSchema().prefault({}),
    traffic: mapping({
      host: text(hostRule, { maxLength: 253 }).optional(),
      timeout: duration({ minMs: 1, maxMs: hourMs, usualUnit: 's' }).prefault('15s'),
      rules: rulesSchema().optional(),
      sticky: stickySchema().optional(),
      ...policySchemas(),
    }).prefault({}),
    metrics: mapping({
      path: text(pathRule).prefault('/metrics'),
      interval: duration({ minMs: 1000, maxMs: 60_000, usualUnit: 's' }).prefault('2s'),
    }).prefault({}),
    flags: flagsSchema().optional(),
    objectives: objectivesSchema().prefault([]),
    rollout: rolloutSchema().prefault({}),
  });
  return spec.superRefine((written, context) => {
    const { run, scale, traffic, flags, objectives, rollout, appProtocol } = written;
    refuseClaimsWithoutToken(traffic, context);
    refuseHalfTls({ appProtocol, traffic, rollout }, context);
    if (scale.on?.memory !== undefined && run.resources?.requests.memory === undefined) {
      const message =
        'is a part of what is requested, and "run.resources.requests.memory" is not there';
      context.addIssue({ code: 'custom', path: ['scale', 'on', 'memory'], message });
    }
    for (const { path, message, hint = null } of turnChecks(flags, rollout.steps ?? [])) {
      const params = { wanted: null, hint };
      context.addIssue({ code: 'custom', path: [...path], message, params });
    }
    const taken = new Set(objectives.map((objective) => objective.name));
    for (const [index, { name: metric }] of (rollout.gate.metrics ?? []).entries()) {
      if (!taken.has(metric)) continue;
      const message = `"${metric}" is the name of an objective`;
      const path = ['rollout', 'gate', 'metrics', index, 'name'];
      context.addIssue({ code: 'custom', path, message });
    }
  });
}

export type ServiceInput = z.output<ReturnType<typeof serviceSchema>>;

function runSchema() {
  return mapping(
    {
      command: commandSchema(),
      env: textMap(environmentNameRule, anyText(argumentLengthMax)).prefault({}),
      envFiles: filesSchema().optional(),
      secrets: secretsSchema().optional(),
      configFiles: filesSchema().optional(),
      workingDirectory: text(workingDirectoryRule).prefault('.'),
      resources: resourcesSchema().optional(),
    },
    ['image'],
  );
}

const workingDirectoryRule = (path: string) =>
  path === '' ? { reason: 'must not be empty', hint: 'use "." for the folder of the file' } : null;

function dependsOnSchema() {
  const other = text(nameRule, { maxLength: 63 });
  return z
    .array(other)
    .max(listCountMax)
    .superRefine((names, context) => {
      for (const [index, name] of names.entries()) {
        if (names.indexOf(name) === index) continue;
        context.addIssue({ code: 'custom', path: [index], message: `names "${name}" twice` });
      }
    });
}

/** The percentiles a latency objective can be about, and their quantiles. */
export const quantiles = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 } as const;

export function objectivesSchema() {
  return z
    .array(objectiveSchema())
    .max(listCountMax)
    .superRefine((objectives, context) => {
      const names = objectives.map((objective) => objective.name);
      for (const [index, name] of names.entries()) {
        if (names.indexOf(name) === index) continue;
        const message = `"${name}" is the name of an earlier objective`;
        context.addIssue({ code: 'custom', path: [index, 'name'], message });
      }
    });
}

function objectiveSchema() {
  const limit = () => duration({ minMs: 1, maxMs: 60_000, usualUnit: 'ms' }).optional();
  const success = { unit: '%', minPercent: 1, maxPercent: 100, isMaxExcluded: true } as const;
  const objective = mapping({
    name: name(),
    success: ratio({ ...success, examplePercent: 99 }).optional(),
    p50: limit(),
    p90: limit(),
    p95: limit(),
    p99: limit(),
  });
  return objective.superRefine((written, context) => {
    const given = Object.keys(written).filter((key) => key !== 'name');
    if (given.length === 1) return;
    const choice = 'exactly one of success, p50, p90, p95, p99';
    const found = given.length === 0 ? 'none' : given.join(' and ');
    context.addIssue({ code: 'custom', message: `must have ${choice}; it has ${found}` });
  });
}
