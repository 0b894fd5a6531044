/** The graph of services over HTTP: what flowed lately as the gateway counted it, what release files declare, and what is wrong. */
import { z } from 'zod';

import { servicePhases } from './wire.ts';

const count = z.number().int().min(0);
const ratio = z.number().min(0).max(1);
const percent = z.number().min(0).max(100);
const name = z.string().min(1).max(63);

export const graphNodesMax = 2_000;

export const graphQuerySchema = z.object({
  /** The service in the middle; absent: all services. */
  service: name.optional(),
  /** How many edges from it, in either direction; without a service it means nothing. */
  hops: z.coerce.number().int().min(0).max(10).default(1),
  /** Only what is degraded or failing, and who asks it. */
  problems: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true'),
  /** Absent: all. On one machine there is `default`. */
  namespace: name.optional(),
  /** At most so many services; those with problems, then those with the most requests, are kept. */
  limit: z.coerce.number().int().min(1).max(graphNodesMax).default(500),
});

/** `quiet`: nothing flowed, so nothing is known. */
export const graphHealths = ['failing', 'degraded', 'quiet', 'healthy'] as const;

/** In the window. Null: nothing flowed, or it is not measured. */
const flowShape = {
  requestsPerSecond: z.number().min(0).nullable(),
  errorRatio: ratio.nullable(),
  p99Ms: z.number().min(0).nullable(),
};

export const graphRolloutSchema = z.object({
  id: z.string(),
  /** Counts from 1; null before the first step and after the last. */
  stepNumber: count.nullable(),
  stepCount: count,
  wantedSharePercent: percent,
  measuredSharePercent: percent.nullable(),
});

export const graphNodeSchema = z.object({
  /** `service/NAME`, or `gateway`. */
  id: z.string(),
  kind: z.enum(['service', 'gateway']),
  name: z.string(),
  namespace: z.string(),
  health: z.enum(graphHealths),
  /** Why it is not healthy; null: it is, or nothing flowed. */
  sentence: z.string().nullable(),
  /** Null: the gateway. */
  phase: z.enum(servicePhases).nullable(),
  /** Under way; null: none is. */
  rollout: graphRolloutSchema.nullable(),
  instances: z.object({ ready: count, total: count }),
  ...flowShape,
});

export const graphEdgeSchema = z.object({
  id: z.string(),
  /** Ids of nodes: `from` asks `to`. */
  from: z.string(),
  to: z.string(),
  /** `route`: counted by the gateway. `declared`: `dependsOn` of a release file; what flows along it alone is not counted. */
  source: z.enum(['route', 'declared']),
  health: z.enum(graphHealths),
  sentence: z.string().nullable(),
  ...flowShape,
  /** Whom the requests go to. Empty: the edge is declared. */
  revisions: z.array(
    z.object({
      revisionId: z.string(),
      version: z.string().nullable(),
      /** Wanted. */
      weightPercent: percent,
      /** What really flowed; null: nothing did. */
      measuredSharePercent: percent.nullable(),
      ...flowShape,
    }),
  ),
});

export const graphSchema = z.object({
  apiVersion: z.literal('tidegate.dev/v1'),
  kind: z.literal('ServiceGraph'),
  /** End of the window. */
  at: z.iso.datetime(),
  windowMs: count,
  nodes: z.array(graphNodeSchema),
  edges: z.array(graphEdgeSchema),
  /** Services that fit the query and are not in `nodes`, because of `limit`. */
  omittedCount: count,
});

export type GraphQuery = z.infer<typeof graphQuerySchema>;
export type ServiceGraph = z.infer<typeof graphSchema>;
export type GraphNode = z.infer<typeof graphNodeSchema>;
export type GraphEdge = z.infer<typeof graphEdgeSchema>;
