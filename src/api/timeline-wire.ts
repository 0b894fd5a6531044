/** What happened, on one axis of time, in a bounded number of marks: single entries or many of one kind close together. */
import { z } from 'zod';

const count = z.number().int().min(0);
const time = z.iso.datetime();

export const timelineKinds = [
  'deployment',
  'step',
  'verdict',
  'approval',
  'fault',
  'load-test',
  'scaling',
  'instance',
  'config',
  'alert',
] as const;

export const marksMax = 500;

const services = z
  .string()
  .max(1_000)
  .transform((text) => text.split(',').filter((name) => name !== ''))
  .pipe(z.array(z.string().max(63)).max(50));

export const timelineQuerySchema = z.object({
  /** Absent: an hour before `until`. */
  since: time.optional(),
  /** Absent: now. */
  until: time.optional(),
  /** Names, by commas; absent: all. */
  services: services.optional(),
  /** By commas; absent: all. */
  kinds: z
    .string()
    .max(200)
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(timelineKinds)))
    .optional(),
  /** At most so many marks. */
  marks: z.coerce.number().int().min(10).max(marksMax).default(300),
});

/** Entries of one kind that are closer together than can be told apart. */
export const timelineMarkSchema = z.object({
  kind: z.enum(timelineKinds),
  /** Of its first and last entry; the same where there is one. */
  from: time,
  until: time,
  entryCount: count,
  /** At most five, by name. */
  services: z.array(z.string()),
  severity: z.enum(['info', 'warning']),
  /** Of the last entry, or the last warning if there is one. */
  entryIndex: count,
  rolloutId: z.string().nullable(),
  who: z.string().nullable(),
  sentence: z.string(),
});

export const timelineSchema = z.object({
  apiVersion: z.literal('tidegate.dev/v1'),
  kind: z.literal('Timeline'),
  since: time,
  until: time,
  /** Older entries are not looked at: see `tidegate events`. Null: there are none. */
  knownSince: time.nullable(),
  /** Entries in the range, and after the filters. */
  entryCount: count,
  /** In the range, before the filter by kind. */
  countByKind: z.partialRecord(z.enum(timelineKinds), count),
  marks: z.array(timelineMarkSchema),
});

export type TimelineQuery = z.infer<typeof timelineQuerySchema>;
export type TimelineKind = (typeof timelineKinds)[number];
export type TimelineMark = z.infer<typeof timelineMarkSchema>;
export type Timeline = z.infer<typeof timelineSchema>;
