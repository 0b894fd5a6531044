import { z } from 'zod';
import { type ApprovalsInput, approvalsSchema } from './approvals-schema.ts';
import { metricsSchema, strataSchema, voteSchema } from './evidence-schema.ts';
import { turnsSchema } from './flags-schema.ts';
import { boolean, duration, field, mapping, percent, ratio, text } from './fields.ts';
import { headerNameRule, headerValueRule } from './names.ts';
import { quoted, read, refused, wrongType } from './reading.ts';
import type { Reading } from './reading.ts';
import { matchesSchema, mirrorSchema } from './route-schema.ts';
import { formatDuration } from './duration.ts';
import { blueGreenSchema, recreateSchema, rollingSchema } from './strategy-schema.ts';

const hourMs = 3_600_000;
const weekMs = 168 * hourMs;

/** More steps than this are a ramp that no gate could follow. */
const stepCountMax = 50;

/** `rollout:` of a service. Steps keep what is written; the defaults that depend on others are set by the document. */
export function rolloutSchema() {
  const rollout = mapping({
    strategy: field(readStrategy, { type: 'string', enum: strategies }).prefault('canary'),
    steps: stepsSchema().optional(),
    blueGreen: blueGreenSchema().optional(),
    rolling: rollingSchema().optional(),
    recreate: recreateSchema().optional(),
    gate: gateSchema().prefault({}),
    bake: duration({ minMs: 0, maxMs: weekMs, usualUnit: 'm' }).prefault('5m'),
  });
  return rollout.superRefine((written, context) => {
    for (const [key, owner] of strategyKeys) {
      if (written[key] === undefined || written.strategy === owner) continue;
      const message = `cannot stand beside the strategy ${written.strategy}`;
      const params = { wanted: null, hint: `it is for the strategy ${owner}` };
      context.addIssue({ code: 'custom', path: [key], message, params });
    }
  });
}

type StrategyName = 'canary' | 'blueGreen' | 'rolling' | 'recreate';
const strategies: readonly StrategyName[] = ['canary', 'blueGreen', 'rolling', 'recreate'];

/** What belongs to one strategy alone. */
const strategyKeys = [
  ['steps', 'canary'],
  ['blueGreen', 'blueGreen'],
  ['rolling', 'rolling'],
  ['recreate', 'recreate'],
] as const;

function readStrategy(input: unknown): Reading<StrategyName> {
  const name = strategies.find((each) => each === input);
  if (name !== undefined) return read(name);
  if (typeof input !== 'string') return wrongType('a text');
  return refused(`must be canary, blueGreen, rolling or recreate, not ${quoted(input)}`);
}

function gateSchema() {
  const chance = (examplePercent: number) =>
    ratio({ unit: '%', minPercent: 0.0001, maxPercent: 50, isMaxExcluded: true, examplePercent });
  const gate = mapping({
    falseRollback: chance(0.1).prefault('0.1%'),
    falsePromotion: chance(1).prefault('1%'),
    worseBy: ratio({ unit: 'pp', minPercent: 0.01, maxPercent: 50, examplePercent: 0.25 }).prefault(
      '0.25pp',
    ),
    soak: duration({ minMs: 0, maxMs: weekMs, usualUnit: 's' }).prefault('30s'),
    atMost: duration({ minMs: 1000, maxMs: weekMs, usualUnit: 'm' }).prefault('10m'),
    latency: field(readLatency, { type: 'string', enum: latencyModes }).optional(),
    slowerBy: ratio({
      unit: '%',
      minPercent: 0,
      maxPercent: 1000,
      examplePercent: 10,
    }).optional(),
    incident: duration({ minMs: 0, maxMs: 600_000, usualUnit: 's' }).optional(),
    replaceWithin: duration({ minMs: 0, maxMs: 600_000, usualUnit: 's' }).optional(),
    onTimeLimit: field(readTimeLimit, { type: 'string', enum: timeLimitChoices }).optional(),
    warmUp: duration({ minMs: 0, maxMs: hourMs, usualUnit: 's' }).optional(),
    beforeAfter: field(readBeforeAfter, { type: 'string', enum: beforeAfterModes }).optional(),
    strata: strataSchema().optional(),
    oneVotePer: voteSchema().optional(),
    metrics: metricsSchema().optional(),
  });
  return gate.superRefine(({ soak, atMost }, context) => {
    if (soak <= atMost) return;
    const message = `is ${formatDuration(atMost)}, shorter than "soak" (${formatDuration(soak)})`;
    context.addIssue({ code: 'custom', path: ['atMost'], message });
  });
}

type LatencyMode = 'auto' | 'on' | 'off';
const latencyModes: readonly LatencyMode[] = ['auto', 'on', 'off'];

function readLatency(input: unknown): Reading<LatencyMode> {
  if (typeof input !== 'string') return wrongType('auto, on or off', 'put it in quotes');
  const mode = latencyModes.find((each) => each === input);
  return mode === undefined ? refused(`must be auto, on or off, not ${quoted(input)}`) : read(mode);
}

type BeforeAfterMode = 'off' | 'warn' | 'hold' | 'roll-back';
const beforeAfterModes: readonly BeforeAfterMode[] = ['off', 'warn', 'hold', 'roll-back'];

function readBeforeAfter(input: unknown): Reading<BeforeAfterMode> {
  const all = 'off, warn, hold or roll-back';
  if (typeof input !== 'string') return wrongType(all, 'put it in quotes');
  const mode = beforeAfterModes.find((each) => each === input);
  return mode === undefined ? refused(`must be ${all}, not ${quoted(input)}`) : read(mode);
}

type TimeLimitChoice = 'hold' | 'extend' | 'widen' | 'roll-back';
const timeLimitChoices: readonly TimeLimitChoice[] = ['hold', 'extend', 'widen', 'roll-back'];

function readTimeLimit(input: unknown): Reading<TimeLimitChoice> {
  if (typeof input !== 'string') return wrongType('hold, extend, widen or roll-back');
  const choice = timeLimitChoices.find((each) => each === input);
  if (choice !== undefined) return read(choice);
  return refused(`must be hold, extend, widen or roll-back, not ${quoted(input)}`);
}

function stepsSchema() {
  return z
    .array(stepSchema())
    .min(1)
    .max(stepCountMax)
    .superRefine((steps, context) => {
      let previousPercent = -1;
      for (const [index, { weight }] of steps.entries()) {
        if (weight <= previousPercent) {
          const message = `must be more than the ${previousPercent}% before it, not ${weight}%`;
          context.addIssue({ code: 'custom', path: [index, 'weight'], message });
        }
        previousPercent = Math.max(previousPercent, weight);
      }
    });
}

function stepSchema() {
  const weightOnly = weightSchema(0.1).transform((weight): StepInput => ({ weight }));
  return z.union([weightOnly, stepMapping()]);
}

/** A step as written. */
interface StepInput {
  readonly weight: number;
  readonly gate?: boolean | undefined;
  readonly pause?: number | undefined;
  readonly approval?: boolean | undefined;
  readonly approvals?: ApprovalsInput | undefined;
  readonly match?: { readonly header: string; readonly value: string } | undefined;
  readonly matches?: z.output<ReturnType<typeof matchesSchema>> | undefined;
  readonly mirror?: z.output<ReturnType<typeof mirrorSchema>> | undefined;
  readonly flags?: Readonly<Record<string, string>> | undefined;
  readonly atLeast?: number | undefined;
}

function stepMapping() {
  const step = mapping({
    weight: weightSchema(0),
    gate: boolean().optional(),
    pause: duration({ minMs: 0, maxMs: weekMs, usualUnit: 's' }).optional(),
    approval: boolean().optional(),
    approvals: approvalsSchema().optional(),
    match: mapping({ header: text(headerNameRule), value: text(headerValueRule) }).optional(),
    matches: matchesSchema().optional(),
    mirror: mirrorSchema().optional(),
    flags: turnsSchema().optional(),
    atLeast: duration({ minMs: 0, maxMs: weekMs, usualUnit: 's' }).optional(),
  });
  return step.superRefine((written, context) => {
    if (written.pause !== undefined && written.approval === true) {
      const message = 'cannot stand beside "approval": a step waits for a time or for a person';
      context.addIssue({ code: 'custom', path: ['pause'], message });
    }
    const other =
      written.approval === true ? 'approval' : written.pause === undefined ? null : 'pause';
    if (written.approvals !== undefined && other !== null) {
      const message = `cannot stand beside "${other}": a step waits for one thing`;
      context.addIssue({ code: 'custom', path: ['approvals'], message });
    }
    const waits = written.approvals === undefined ? null : 'approvals';
    if (written.weight === 100 && waits !== null) {
      const message = 'come too late at 100%: what is approved has happened by then';
      const params = { wanted: null, hint: 'put them on the step before' };
      context.addIssue({ code: 'custom', path: [waits], message, params });
    }
    const isJudged = written.gate !== false;
    if (written.weight === 0 && (isJudged || written.mirror === undefined)) {
      const message = 'must be at least 0.1% where nothing is copied, or the gate judges';
      const params = { wanted: null, hint: 'at 0% put "mirror" and "gate: false" beside it' };
      context.addIssue({ code: 'custom', path: ['weight'], message, params });
    }
    if (written.weight === 100 && written.mirror !== undefined) {
      const message = 'cannot stand at 100%: no request goes to stable that could be copied';
      context.addIssue({ code: 'custom', path: ['mirror'], message });
    }
    if (written.match !== undefined && written.matches !== undefined) {
      const message = 'cannot stand beside "match", which is the same for one header';
      context.addIssue({ code: 'custom', path: ['matches'], message });
    }
    if (written.weight === 100 && written.gate === true) {
      const message = 'cannot be true at 100%: no stable traffic is left to compare with';
      const params = { wanted: null, hint: 'remove it; "bake" watches after 100%' };
      context.addIssue({ code: 'custom', path: ['gate'], message, params });
    }
  });
}

/** Nothing but copies goes to a candidate at 0 %. */
function weightSchema(minPercent: 0 | 0.1) {
  const share = { unit: '%', minPercent, maxPercent: 100, examplePercent: 5 } as const;
  const weight = percent(share);
  return weight.superRefine((weightPercent, context) => {
    if (Number.isInteger(Number((weightPercent * 10).toFixed(9)))) return;
    const message = `must be a multiple of 0.1%, not ${weightPercent}%`;
    context.addIssue({ code: 'custom', message });
  });
}
