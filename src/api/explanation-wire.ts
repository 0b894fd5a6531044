/** How the gate judges, over HTTP: what was counted on each arm, and what that says. */
import { z } from 'zod';

const count = z.number().int().min(0);

export const armSchema = z.object({ requests: count, failures: count }).meta({ id: 'Arm' });
export const armPairSchema = z
  .object({ candidate: armSchema, stable: armSchema })
  .meta({ id: 'ArmPair' });

/** One metric in full. `interval` holds at all times together with a chance of 95 %; null: not compared. */
export const metricExplanationSchema = z
  .object({
    metric: z.string(),
    kind: z.enum(['ratio', 'histogram', 'objective']),
    /** Failures of a histogram are the requests slower than `slowFromMs`. */
    candidate: armSchema,
    stable: armSchema.nullable(),
    /** Of a histogram or a latency objective: from here on a request counts as bad. */
    slowFromMs: z.number().nullable(),
    interval: z.object({ lowRatio: z.number(), highRatio: z.number() }).nullable(),
    evidence: z.number(),
    /** At which this metric rolls back by itself. */
    limit: z.number(),
    budgetShareRatio: z.number(),
    /** Part of the way to a rollback that this metric has brought. */
    budgetUsedRatio: z.number(),
    /** Why it is not known, wholly or in part; null: it is. */
    trouble: z.string().nullable(),
    sentence: z.string(),
  })
  .meta({ id: 'MetricExplanation' });

export const beforeAfterSchema = z
  .object({
    strength: z.literal('weaker'),
    mode: z.enum(['off', 'warn', 'hold', 'roll-back']),
    metric: z.enum(['errors', 'latency']),
    before: armSchema,
    beforeMs: z.number(),
    after: armSchema,
    slowFromMs: z.number().nullable(),
    allowedRatio: z.number(),
    evidence: z.number(),
    warnLimit: z.number(),
    rollBackLimit: z.number(),
    isWarning: z.boolean(),
    sentence: z.string(),
  })
  .meta({ id: 'BeforeAfter' });

/** How the gate stands. Evidence starts at 1 and is compared with its limit. */
export const explanationSchema = z
  .object({
    verdict: z.enum(['pass', 'fail', 'undecided']),
    candidate: armSchema,
    stable: armSchema,
    against: z.number(),
    againstLimit: z.number(),
    for: z.number(),
    forLimit: z.number(),
    marginRatio: z.number(),
    /** What has most of the evidence against: `errors`, `latency`, a metric of the service, or an objective's name in a bake. */
    metric: z.string(),
    /** Over the last minutes; null: no latencies are known. */
    p95: z.object({ candidateMs: z.number(), stableMs: z.number() }).nullable(),
    /** Candidate's failure ratio less stable's: an interval that holds at all times together with a chance of 95 %. */
    difference: z.object({ lowRatio: z.number(), highRatio: z.number(), sentence: z.string() }),
    heldBy: z.string().nullable(),
    /** Each metric the verdict rests on. Empty: decided by an older version. */
    metrics: z.array(metricExplanationSchema).default([]),
    /** The candidate at 100 % against stable before the switch: weaker than the rest. Null: nothing to compare. */
    beforeAfter: beforeAfterSchema.nullable().default(null),
    /** Requests that are no evidence: retries, and those of clients beyond their vote; absent: none. */
    setAside: z.object({ retry: count, sameClient: count, tooManyClients: count }).optional(),
    sentence: z.string(),
  })
  .meta({ id: 'Explanation' });
