import { z } from 'zod';
import { resourcesSchema } from './resources-wire.ts';

/** How many instances one revision is to have by its load, and why. */
const scalingSchema = z
  .object({
    revisionId: z.string(),
    min: z.int().nonnegative(),
    max: z.int().nonnegative(),
    /** Of the newest look; null: nobody has looked yet. */
    desired: z.int().nonnegative().nullable(),
    /** Ordered last. */
    ordered: z.int().nonnegative(),
    ready: z.int().nonnegative(),
    /** It has no instance since then, and the next request starts one; absent: it has, or is getting one. */
    asleepSince: z.iso.datetime().optional(),
    /** What made the number another one than the metrics ask for. */
    limitedBy: z
      .enum(['nothing', 'no metrics', 'reserve', 'window', 'policy', 'panic', 'min', 'max'])
      .nullable(),
    /** CPU and memory as a ratio of what is requested; others in their own unit. */
    metrics: z.array(
      z.object({
        metric: z.string(),
        /** Mean of the instances it is known of; null: of none. */
        perInstance: z.number().nullable(),
        target: z.number(),
        /** What this metric alone asks for; null: nothing, as it is not known. */
        instances: z.int().nonnegative().nullable(),
      }),
    ),
    sentence: z.string(),
  })
  .meta({ id: 'Scaling' });

export type ScalingView = z.infer<typeof scalingSchema>;

/** Of a service's status. */
export const loadShape = {
  /** Of revisions whose number of instances follows their load; absent: none does. */
  scaling: z.array(scalingSchema).optional(),
  /** Of revisions whose use was measured; absent: of none yet. */
  resources: z.array(resourcesSchema).optional(),
};
