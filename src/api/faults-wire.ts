/** What goes over HTTP about faults that are injected on purpose, version 1. */
import { z } from 'zod';

const count = z.number().int().min(0);
const time = z.iso.datetime();
const text = z.string().min(1).max(200);
const who = text;
/** What is done to users on purpose has a reason. */
const why = z.string().min(1).max(2000);
const pairs = z
  .array(z.object({ name: z.string().min(1).max(256), value: z.string().max(4096) }))
  .max(16);

/** Each becomes an entry of the ledger. */
export const faultChangeSchema = z
  .discriminatedUnion('action', [
    z.object({
      action: z.literal('add'),
      service: z.string().min(1).max(63),
      who,
      why,
      /** Until it ends by itself: 1 s to 1 h. */
      lastsMs: z.number().int().min(1000).max(3_600_000).default(60_000),
      /** Of the requests that fit. */
      percent: z.number().positive().max(100),
      /** At least one of the two. */
      delayMs: z.number().int().min(1).max(60_000).nullable(),
      abort: z.union([z.literal('reset'), z.number().int().min(400).max(599)]).nullable(),
      /** Id or version; null: any. */
      revision: text.nullable(),
      instance: text.nullable(),
      /** Of the release file; null: any. */
      rule: text.nullable(),
      /** Only requests that fit all of it; null: all. */
      match: z
        .object({
          /** Begins with `/`; with everything below it, if it ends with `/*`. */
          path: z.string().min(1).max(4096).nullable(),
          method: z.string().min(1).max(32).nullable(),
          headers: pairs,
        })
        .nullable(),
      /** True: as if the revision had failed so. */
      isEvidence: z.boolean(),
    }),
    z.object({ action: z.literal('remove'), id: z.string().min(1).max(100), who, why }),
  ])
  .meta({ id: 'FaultChange' });

export const faultSchema = z
  .object({
    id: z.string(),
    service: z.string(),
    /** What is done to whom. */
    sentence: z.string(),
    by: z.object({ who: z.string(), why: z.string() }),
    since: time,
    until: time,
  })
  .meta({ id: 'Fault' });
export const faultListSchema = z.object({ items: z.array(faultSchema) });
export const faultReceiptSchema = z.object({
  entryIndex: count,
  sentence: z.string(),
  /** False: the gateway was not reached; it follows when it is. */
  isInForce: z.boolean(),
  fault: faultSchema,
});

export type FaultChange = z.infer<typeof faultChangeSchema>;
export type FaultView = z.infer<typeof faultSchema>;
