/** Rollouts of all services over HTTP, page by page: what a table of them needs, in the order a person on call wants. */
import { z } from 'zod';

import { metadataShape } from './metadata-wire.ts';
import { pageQuerySchema, pageSchema } from './page-wire.ts';
import { servicePhases } from './wire.ts';

const percent = z.number().min(0).max(100);
const time = z.iso.datetime();

export const rolloutListQuerySchema = pageQuerySchema.extend({
  /** Only these, by commas; absent: all. */
  phase: z
    .string()
    .max(100)
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(servicePhases)))
    .optional(),
  /** Only services whose name has this in it. */
  name: z.string().min(1).max(63).optional(),
  /** `health`: what needs somebody first; `service`: by name; `started`: the newest first. */
  sort: z.enum(['health', 'service', 'started']).default('health'),
});

/** The newest rollout of a service. */
export const rolloutItemSchema = z
  .object({
    apiVersion: z.literal('tidegate.dev/v1'),
    kind: z.literal('Rollout'),
    /** Its name is `<service>-<number>`. */
    metadata: z.object({ ...metadataShape, creationTimestamp: time }),
    service: z.string(),
    /** What people call the candidate; null: it has no version. */
    toVersion: z.string().nullable(),
    startedBy: z.string(),
    startedAt: time,
    status: z.object({
      /** As that of the service. */
      phase: z.enum(servicePhases),
      /** Counts from 1; null before the first step and after the last. */
      stepNumber: z.number().int().nullable(),
      stepCount: z.number().int(),
      wantedSharePercent: percent,
      measuredSharePercent: percent.nullable(),
      verdict: z.enum(['pass', 'fail', 'undecided']).nullable(),
      isWaitingForPerson: z.boolean(),
      sentence: z.string(),
    }),
  })
  .meta({ id: 'RolloutItem' });

export const rolloutListSchema = pageSchema.extend({ items: z.array(rolloutItemSchema) });

export type RolloutListQuery = z.infer<typeof rolloutListQuerySchema>;
export type RolloutItem = z.infer<typeof rolloutItemSchema>;
