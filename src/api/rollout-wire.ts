/** One rollout over HTTP: as a resource, over time, and what an action would do to it. */
import { z } from 'zod';

import { metricExplanationSchema } from './explanation-wire.ts';
import { conditionSchema, metadataShape } from './metadata-wire.ts';
import { estimateItemSchema } from './estimate-wire.ts';
import { handSchema, revisionSchema, rolloutSchema } from './wire.ts';

const count = z.number().int().min(0);
const percent = z.number().min(0).max(100);
const time = z.iso.datetime();

export const rolloutResourceSchema = z
  .object({
    apiVersion: z.literal('tidegate.dev/v1'),
    kind: z.literal('Rollout'),
    metadata: z.object({
      ...metadataShape,
      /** What a rollout is to do is settled when it begins. */
      generation: count,
      creationTimestamp: time,
    }),
    spec: z.object({
      service: z.string(),
      strategy: z.string(),
      stepWeightsPercent: z.array(percent),
      bakeMs: count,
      /** Settings by key, as a release file writes them. */
      gate: z.record(z.string(), z.string()),
      objectives: z.array(z.string()),
      startedBy: handSchema,
    }),
    status: z.object({
      observedGeneration: count,
      /** `Progressing`, `Paused`, `Healthy`, `Completed`. */
      conditions: z.array(conditionSchema),
      rollout: rolloutSchema,
    }),
  })
  .meta({ id: 'RolloutResource' });

export const samplePointsMax = 1_000;

export const rolloutSamplesQuerySchema = z.object({
  /** Evenly thinned to as many, the first and the newest kept. */
  points: z.coerce.number().int().min(2).max(samplePointsMax).default(300),
});

/** Counts and evidence are of the whole rollout up to `at`, so what happened between two points is their difference. */
const samplePointSchema = z
  .object({
    at: time,
    /** Of the entry that says so; null: as it stands now, which no entry says yet. */
    entryIndex: count.nullable(),
    weightPercent: percent.nullable(),
    verdict: z.enum(['pass', 'fail', 'undecided']),
    /** Evidence that the candidate is worse, and at which it goes back. */
    against: z.number(),
    againstLimit: z.number(),
    /** Evidence that it is not, and at which it may go on. */
    for: z.number(),
    forLimit: z.number(),
    p95: z.object({ candidateMs: z.number(), stableMs: z.number() }).nullable(),
    metrics: z.array(
      metricExplanationSchema.pick({
        metric: true,
        kind: true,
        candidate: true,
        stable: true,
        slowFromMs: true,
        interval: true,
        evidence: true,
        limit: true,
      }),
    ),
    sentence: z.string(),
  })
  .meta({ id: 'SamplePoint' });

export const rolloutSamplesSchema = z
  .object({
    rolloutId: z.string(),
    /** Oldest first. Empty: nothing was judged yet. */
    points: z.array(samplePointSchema),
    /** How many were thinned out. */
    omitted: count,
  })
  .meta({ id: 'RolloutSamples' });

export const previewedActions = [
  'promote',
  'promote-full',
  'pause',
  'resume',
  'abort',
  'retry',
  'undo',
] as const;

export const previewQuerySchema = z.object({
  action: z.enum(previewedActions),
  /** Of undo: a revision's id or version; absent: the one before. */
  toRevision: z.string().min(1).max(200).optional(),
});

const sharesSchema = z.array(z.object({ revisionId: z.string(), weightPercent: percent }));

export const actionPreviewSchema = z
  .object({
    action: z.enum(previewedActions),
    outcome: z.enum(['would-do', 'would-refuse', 'would-change-nothing']),
    /** What would be recorded, or why it would be refused. */
    sentence: z.string(),
    /** Of the state it was worked out from: send it with the action, and it is done to this state or not at all. */
    resourceVersion: z.string(),
    /** Whose traffic goes to which; null: none goes elsewhere. */
    from: revisionSchema.nullable(),
    to: revisionSchema.nullable(),
    traffic: z.object({ now: sharesSchema, after: sharesSchema }),
    /** Lines of a diff of the two revisions, `- path: value` and `+ path: value`; at most 500. */
    diff: z.array(z.string()),
    /** What is left to 100 % after it; null: nothing is, or it goes back at once. */
    estimate: estimateItemSchema.nullable(),
  })
  .meta({ id: 'ActionPreview' });

export type RolloutResource = z.infer<typeof rolloutResourceSchema>;
export type RolloutSamples = z.infer<typeof rolloutSamplesSchema>;
export type SamplePoint = z.infer<typeof samplePointSchema>;
export type ActionPreview = z.infer<typeof actionPreviewSchema>;
export type PreviewQuery = z.infer<typeof previewQuerySchema>;
