import { z } from 'zod';

const resources = z.object({ cpuCores: z.number(), memoryBytes: z.number() });

/** What an instance of a revision asks for, what it uses, and what it should ask for. It is not applied. */
export const resourcesSchema = z
  .object({
    revisionId: z.string(),
    /** Null: nothing is asked for. */
    requests: z.object({ cpuCores: z.number().nullable(), memoryBytes: z.number().nullable() }),
    /** Mean of the instances, of about the last minute. */
    used: resources,
    recommended: z.object({
      target: resources,
      /** Below it an instance has too little, above `upper` it wastes; wide while little is known. */
      lower: resources,
      upper: resources,
    }),
    /** Part of what is asked for that the target would not need; below 0: it would need more. Null: nothing is asked for. */
    savingRatio: z.object({ cpu: z.number().nullable(), memory: z.number().nullable() }),
    samples: z.int().nonnegative(),
  })
  .meta({ id: 'Resources' });

export type ResourcesView = z.infer<typeof resourcesSchema>;
