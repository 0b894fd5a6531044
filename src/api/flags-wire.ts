/** What goes over HTTP about flags, version 1. */
import { z } from 'zod';

const role = z.enum(['stable', 'candidate']);

/** A flag as the instances of one revision see it now. */
export const flagSchema = z
  .object({
    key: z.string(),
    service: z.string(),
    revisionId: z.string(),
    role,
    type: z.enum(['boolean', 'string', 'number', 'object']),
    state: z.enum(['ENABLED', 'DISABLED']),
    /** What those get whom no rule names. */
    variant: z.string(),
    value: z.unknown(),
    variants: z.array(z.string()),
    /** In words, the first that fits decides. */
    rules: z.array(z.string()),
    /** Whose values these are, where the file has some for this environment; absent: the file's for all. */
    environment: z.string().optional(),
    /** The step that turned it; absent: none has. */
    turnedBy: z.object({ rolloutId: z.string(), stepNumber: z.number().int() }).optional(),
    /** Why it is so. */
    sentence: z.string(),
  })
  .meta({ id: 'Flag' });

export const flagEvaluationRequestSchema = z.object({
  /** As OFREP has it: `targetingKey` and attributes. */
  context: z.record(z.string().max(256), z.unknown()).default({}),
  /** Absent: all. */
  key: z.string().min(1).max(64).optional(),
});

/** Of each revision that is there, as its instances would be told. */
export const flagEvaluationSchema = z.object({
  items: z.array(
    z.object({
      key: z.string(),
      revisionId: z.string(),
      role,
      /** Null: there is none, see `errorCode`. */
      variant: z.string().nullable(),
      value: z.unknown(),
      /** Of OpenFeature: STATIC, DEFAULT, TARGETING_MATCH, SPLIT; ERROR. */
      reason: z.string(),
      errorCode: z.string().nullable(),
      details: z.string(),
    }),
  ),
});

export type FlagView = z.infer<typeof flagSchema>;
export type FlagEvaluation = z.infer<typeof flagEvaluationSchema>['items'][number];
