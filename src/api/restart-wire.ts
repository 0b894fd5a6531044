import { z } from 'zod';

const count = z.number().int().nonnegative();
/** RFC 3339 in UTC. */
const time = z.string();

/** A restart by hand: `running` until every instance that was there is replaced, or it was given up. */
export const restartSchema = z
  .object({
    id: z.string(),
    revisionId: z.string(),
    phase: z.enum(['running', 'done', 'given-up']),
    sentence: z.string(),
    doneCount: count,
    totalCount: count,
    by: z.object({ who: z.string(), why: z.string().nullable() }),
    startedAt: time,
    endedAt: time.nullable(),
  })
  .meta({ id: 'Restart' });

export type RestartView = z.infer<typeof restartSchema>;
