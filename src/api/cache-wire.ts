/** What goes over HTTP about stored answers, version 1. */
import { z } from 'zod';

const text = z.string().min(1).max(200);

/** Each becomes an entry of the ledger. */
export const cachePurgeSchema = z
  .object({
    service: z.string().min(1).max(63),
    what: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('all') }),
      z.object({ kind: z.literal('tag'), tag: z.string().min(1).max(256) }),
      /** Without a query: with any; with `*` at its end: all below. */
      z.object({ kind: z.literal('path'), path: z.string().min(1).max(4096) }),
    ]),
    who: text,
    why: z.string().min(1).max(2000),
  })
  .meta({ id: 'CachePurge' });
export const cachePurgeReceiptSchema = z.object({
  entryIndex: z.number().int().min(0),
  sentence: z.string(),
  /** False: the gateway was not reached; it follows when it is. */
  isInForce: z.boolean(),
});
