/** What every resource says of itself, as in Kubernetes. */
import { z } from 'zod';

const time = z.iso.datetime();

export const metadataShape = {
  name: z.string(),
  /** On one machine `default`. */
  namespace: z.string(),
  /** Never given to another: a name-based UUID (version 8 of RFC 9562). */
  uid: z.uuid(),
  /** Changes with every decision about the service; a write that names an older one is refused with 409. */
  resourceVersion: z.string(),
};

export const conditionSchema = z
  .object({
    type: z.string(),
    status: z.enum(['True', 'False', 'Unknown']),
    /** One word, for programs. */
    reason: z.string(),
    message: z.string(),
    /** Since when it is so at least; null: not known. */
    lastTransitionTime: time.nullable(),
  })
  .meta({ id: 'Condition' });

export type Condition = z.infer<typeof conditionSchema>;
