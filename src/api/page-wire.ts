/** Pages of a list, as Kubernetes has them: `limit`, and `continue` from the page before. */
import { z } from 'zod';

export const pageLimitMax = 500;

export const pageQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(pageLimitMax).default(100),
  /** `metadata.continue` of the page before; absent: the first page. */
  continue: z.string().min(1).max(1_000).optional(),
});

export const pageSchema = z.object({
  metadata: z.object({
    /** For the next page; null: this is the last one. */
    continue: z.string().nullable(),
  }),
});
