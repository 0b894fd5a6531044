import { z } from 'zod';
import type { Revision } from '../../domain/release/revision.ts';
import { flagShape } from './flag-shape.ts';
import { h2c, https } from '../../domain/traffic/routing/route-table.ts';
import type { OutOfMemory } from '../../ports/platform.ts';
import type { Held } from './limits/hold-limits.ts';

/**
 * What is written down of one instance, so that another process finds it again.
 *
 * R1 The launch (port, launch id) is written before the process is started, its pid after it. A crash in between leaves
 *    `process` null, and the process is found by its launch id.
 * R2 `wanted: stopped` is written before the first signal: a stop that was begun is carried on by the next reader.
 * R3 The file is removed only when no process of the instance is left.
 */
export interface InstanceRecord {
  readonly format: typeof RECORD_FORMAT;
  readonly id: string;
  /** Counts up within a revision and is never given twice. */
  readonly number: number;
  readonly wanted: 'running' | 'stopped';
  readonly revision: Revision;
  /** Null: not running, waiting for its next start. */
  readonly launch: Launch | null;
  readonly restarts: number;
  readonly crashesInARow: number;
  /** Why the last process ended. */
  readonly reason: string | null;
  /** Absent: never. */
  readonly outOfMemory?: OutOfMemory;
}

export interface Launch {
  readonly launchId: string;
  readonly bootId: string;
  readonly port: number;
  readonly startedAtMs: number;
  readonly process: { readonly pid: number; readonly startTicks: number } | null;
  readonly wasReady: boolean;
  /** How its limits are held; absent: it has none. */
  readonly held?: Held;
}

export const RECORD_FORMAT = 1;

/** The outcome of reading a record's text; `newer` was written by a later Tidegate. */
export type ParsedRecord =
  | { readonly kind: 'record'; readonly record: InstanceRecord }
  | { readonly kind: 'newer'; readonly format: number }
  | { readonly kind: 'invalid'; readonly cause: unknown };

export function parseRecord(text: string): ParsedRecord {
  try {
    const value: unknown = JSON.parse(text);
    const { format } = z.object({ format: z.int() }).parse(value);
    if (format > RECORD_FORMAT) return { kind: 'newer', format };
    return { kind: 'record', record: recordShape.parse(value) };
  } catch (cause) {
    return { kind: 'invalid', cause };
  }
}

const count = z.int().nonnegative();
const amountsShape = z.object({
  cpuCores: z.number().positive().exactOptional(),
  memoryBytes: z.number().positive().exactOptional(),
});
const probeShape = z.object({
  handler: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('http'), path: z.string() }),
    z.object({ kind: z.literal('tcp') }),
    z.object({ kind: z.literal('exec'), command: z.array(z.string()) }),
  ]),
  initialDelayMs: count,
  periodMs: count,
  timeoutMs: count,
  successThreshold: count,
  failureThreshold: count,
});

const revisionShape = z.object({
  id: z.string(),
  digest: z.string(),
  service: z.string(),
  version: z.string().nullable(),
  command: z.array(z.string()),
  workingDirectory: z.string(),
  env: z.record(z.string(), z.string()),
  health: z.object({
    readyPath: z.string(),
    livePath: z.string().nullable(),
    stopGraceMs: z.number(),
    startTimeoutMs: z.number(),
    probes: z
      .object({
        startup: probeShape.exactOptional(),
        readiness: probeShape.exactOptional(),
        liveness: probeShape.exactOptional(),
      })
      .exactOptional(),
  }),
  instances: z.number(),
  requests: amountsShape.exactOptional(),
  limits: amountsShape.exactOptional(),
  secrets: z
    .record(
      z.string(),
      z.object({
        source: z.discriminatedUnion('kind', [
          z.object({ kind: z.literal('file'), path: z.string() }),
          z.object({ kind: z.literal('environment'), name: z.string() }),
        ]),
        digest: z.string(),
      }),
    )
    .exactOptional(),
  configFiles: z
    .array(
      z.object({
        // It becomes a path.
        name: z.string().regex(/^[^/\0]+$/),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
        sizeBytes: count,
      }),
    )
    .exactOptional(),
  appProtocol: z.enum([h2c, https]).exactOptional(),
  hasIdentity: z.literal(true).exactOptional(),
  zones: z.array(z.string()).exactOptional(),
  flags: z.array(flagShape).exactOptional(),
});

const recordShape = z.object({
  format: z.literal(RECORD_FORMAT),
  id: z.string(),
  number: z.int(),
  wanted: z.enum(['running', 'stopped']),
  revision: revisionShape,
  launch: z
    .object({
      launchId: z.string(),
      bootId: z.string(),
      port: z.int(),
      startedAtMs: z.number(),
      process: z.object({ pid: z.int().positive(), startTicks: z.number() }).nullable(),
      wasReady: z.boolean(),
      held: z
        .object({
          cgroup: z.string().nullable(),
          limits: z.object({
            memory: z
              .object({ bytes: z.number(), enforcedBy: z.enum(['cgroup', 'watching']) })
              .exactOptional(),
            cpu: z
              .object({ cores: z.number(), enforcedBy: z.enum(['cgroup', 'nobody']) })
              .exactOptional(),
            trouble: z.string().nullable(),
          }),
        })
        .exactOptional(),
    })
    .nullable(),
  restarts: z.int(),
  crashesInARow: z.int(),
  reason: z.string().nullable(),
  outOfMemory: z.object({ count, atMs: z.number(), memoryBytes: z.number() }).exactOptional(),
});
