import { z } from 'zod';

const count = z.number().int().nonnegative();

/** How it goes with the sink of CDEvents. Counts are since the server's start. */
export const cdEventsStatusSchema = z
  .object({
    /** Scheme, host and port; null: what was remembered can't be used. */
    sink: z.string().nullable(),
    /** The entry whose events are sent next. */
    nextIndex: count,
    /** Entries that are not looked at yet. */
    behindEntries: count,
    taken: count,
    /** Refused for what they are, and skipped. */
    unwanted: count,
    /** Tries that failed and are made again. */
    failedTries: count,
    /** Why nothing is sent at the moment; null: nothing is wrong. */
    problem: z.string().nullable(),
  })
  .meta({ id: 'CdEventsStatus' });

export type CdEventsStatus = z.infer<typeof cdEventsStatusSchema>;
