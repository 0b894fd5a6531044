/** What goes over HTTP about estimates, version 1. */
import { z } from 'zod';
import { filesSchema } from './wire.ts';

export const estimateRequestSchema = filesSchema.extend({
  /** Null: what the gateway measured for the service lately, when there is anything. */
  requestsPerSecond: z.number().positive().nullable().default(null),
  baseErrorRatio: z.number().min(0).max(1).nullable().default(null),
});

export const estimateItemSchema = z
  .object({
    service: z.string(),
    /** Null: before a rollout. */
    rolloutId: z.string().nullable().default(null),
    requestsPerSecond: z.number().nullable(),
    baseErrorRatio: z.number(),
    /** One line per step and per kind of fault, ready to read. */
    sentences: z.array(z.string()),
    /** Until 100 %. Null: cannot be promised; the sentences say why. */
    totalMs: z.number().nullable(),
    /** Gated steps that are left. Null: never. */
    steps: z
      .array(
        z.object({
          weightPercent: z.number().min(0).max(100),
          marginRatio: z.number(),
          requests: z.number().nullable(),
          verdictMs: z.number().nullable(),
          lastsMs: z.number().nullable(),
          isInTime: z.boolean(),
        }),
      )
      .default([]),
    /** Were the candidate so from now on, at the step that comes first. Null: cannot be told from stable. */
    detections: z
      .array(
        z.object({
          name: z.string(),
          candidateRatio: z.number(),
          candidateRequests: z.number().nullable(),
          failedRequests: z.number().nullable(),
          detectedMs: z.number().nullable(),
        }),
      )
      .default([]),
  })
  .meta({ id: 'EstimateItem' });

export const estimateResponseSchema = z.object({ items: z.array(estimateItemSchema) });

export type EstimateItem = z.infer<typeof estimateItemSchema>;
export type EstimateResponse = z.infer<typeof estimateResponseSchema>;
