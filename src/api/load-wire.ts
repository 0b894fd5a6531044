/** What goes over HTTP about load tests, version 1. */
import { z } from 'zod';

const count = z.number().int().nonnegative();
const amount = z.number().nonnegative().finite();
const text = z.string().min(1).max(500);
const counts = z.record(z.string().max(40), count).refine((of) => Object.keys(of).length <= 100);

const pointSchema = z.object({
  atMs: count,
  durationMs: amount,
  requests: count,
  errors: count,
});

/** What `tidegate load` found, in the words of `tidegate load -o json`. */
const loadResultSchema = z.object({
  targetRps: amount,
  achievedRps: amount,
  startedAtMs: count,
  durationMs: amount,
  scheduled: count,
  requests: count,
  dropped: count,
  errors: count,
  byStatus: counts,
  byError: counts,
  p50Ms: amount,
  p95Ms: amount,
  p99Ms: amount,
  p999Ms: amount,
  maxMs: amount,
  service: z.object({ p50Ms: amount, p95Ms: amount, p99Ms: amount, maxMs: amount }),
  sendLagP99Ms: amount,
  sendLagMaxMs: amount,
  cpuUsPerRequest: amount,
  valid: z.boolean(),
  invalidBecause: z.array(text).max(20),
  /** Counts of short intervals: what the figures above can't show. */
  series: z.array(pointSchema).max(12_000),
});

export const loadTestSchema = z
  .object({
    who: z.string().min(1).max(200),
    why: z.string().min(1).max(2000).nullable(),
    /** Path and query that were asked for. */
    path: z.string().min(1).max(4096).startsWith('/'),
    /** Null: none was wanted. */
    thresholds: z.object({
      errorRatioMax: z.number().min(0).max(1).nullable(),
      p99MsMax: amount.nullable(),
    }),
    /** In words; empty: all held. */
    failedThresholds: z.array(text).max(10),
    result: loadResultSchema,
  })
  .meta({ id: 'LoadTest' });

export const loadReceiptSchema = z
  .object({
    entryIndex: count,
    sentence: z.string(),
    /** The rollout that was under way meanwhile; null: none. */
    rolloutId: z.string().nullable(),
    /** Of the whole result, which `tidegate ledger blob get` gives. */
    sha256: z.string(),
    /** Why the result itself could not be kept; null: it is. The entry has its figures all the same. */
    notKept: z.string().nullable(),
  })
  .meta({ id: 'LoadReceipt' });
