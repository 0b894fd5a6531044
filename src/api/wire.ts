/**
 * What goes over HTTP, version 1. Times are RFC 3339 in UTC; shares are percent in [0, 100]; ratios are in [0, 1].
 * Domain types never go over the wire as they are: the server maps them to these.
 */
import { z } from 'zod';

import { cdEventsStatusSchema } from './cd-events-wire.ts';

import { armSchema, armPairSchema, explanationSchema } from './explanation-wire.ts';
import { faultSchema } from './faults-wire.ts';
import { flagSchema } from './flags-wire.ts';
import { restartSchema } from './restart-wire.ts';
import { conditionSchema, metadataShape } from './metadata-wire.ts';
import { loadShape } from './scaling-wire.ts';

export const apiVersion = 'tidegate.dev/v1';

const count = z.number().int().min(0);
const percent = z.number().min(0).max(100);
const time = z.iso.datetime();
const resourceVersion = z.string().regex(/^\d{1,15}$/);

export const handSchema = z
  .object({ who: z.string(), why: z.string().nullable() })
  .meta({ id: 'Hand' });

export const revisionSchema = z
  .object({
    id: z.string(),
    service: z.string(),
    version: z.string().nullable(),
    command: z.array(z.string()),
    instances: count,
  })
  .meta({ id: 'Revision' });

export const causeSchema = z
  .object({ kind: z.string(), sentence: z.string(), at: time })
  .meta({ id: 'Cause' });

export const stepResultSchema = z
  .object({
    weightPercent: percent,
    measuredSharePercent: percent.nullable(),
    totals: armPairSchema,
    since: time,
    until: time,
    sentence: z.string(),
  })
  .meta({ id: 'StepResult' });

export const rolloutSchema = z
  .object({
    id: z.string(),
    kind: z.enum(['first', 'canary', 'blue-green', 'rolling', 'recreate', 'undo']),
    from: revisionSchema.nullable(),
    to: revisionSchema,
    phase: z.enum([
      'starting',
      /** Instances of one revision go and those of the other come. */
      'rolling',
      'shifting',
      'judging',
      'waiting',
      /** At weight 0, or with a few probes, while it is found out whether it is the version that fails. */
      'parked',
      'baking',
      'reverting',
      'promoted',
      'rolled-back',
    ]),
    /** Counts from 1; null before the first step and after the last. */
    stepNumber: count.nullable(),
    stepCount: count,
    stepWeightsPercent: z.array(percent),
    wantedSharePercent: percent,
    measuredSharePercent: percent.nullable(),
    isPaused: z.boolean(),
    /** A person has to act: an approval step, a pause by hand, or held by the gate, which at a time limit still judges on. */
    isWaitingForPerson: z.boolean(),
    totals: armPairSchema,
    steps: z.array(stepResultSchema),
    gate: explanationSchema.nullable(),
    /** Something an operator should look after while the rollout holds; null: nothing. */
    alert: z
      .object({ severity: z.literal('warning'), since: time, sentence: z.string() })
      .nullable()
      .default(null),
    cause: causeSchema.nullable(),
    /** How the candidate answered copies of requests, which is no evidence; absent: it got none. */
    shadow: armSchema.extend({ dropped: count, p95Ms: z.number().nullable() }).optional(),
    startedAt: time,
    startedBy: handSchema,
    endedAt: time.nullable(),
    sentence: z.string(),
  })
  .meta({ id: 'Rollout' });

/** Who holds an instance to its limits; `cgroup` is the kernel. Absent in an instance: it has none. */
const limitsSchema = z.object({
  memory: z.object({ bytes: count, enforcedBy: z.enum(['cgroup', 'watching']) }).optional(),
  cpu: z.object({ cores: z.number(), enforcedBy: z.enum(['cgroup', 'nobody']) }).optional(),
  /** What the kernel was not given and why; null: it was given all. */
  trouble: z.string().nullable(),
});

/** Ends at the limit of memory, and when the last one was. Absent in an instance: there was none. */
const outOfMemorySchema = z.object({ count, at: time, memoryBytes: count });

export const instanceSchema = z
  .object({
    id: z.string(),
    service: z.string(),
    revisionId: z.string(),
    state: z.enum(['starting', 'ready', 'unready', 'backing-off', 'stopping']),
    port: z.number().nullable(),
    pid: z.number().nullable(),
    startedAt: time.nullable(),
    restarts: count,
    reason: z.string().nullable(),
    cpuSeconds: z.number(),
    rssBytes: z.number(),
    /** The gateway sends it nothing for a while, because it failed too often in a row; absent: it does. */
    isEjected: z.boolean().optional(),
    /** Absent: not known. */
    zone: z.string().optional(),
    /** Absent: it has none. */
    certificateEndsAt: time.optional(),
    limits: limitsSchema.optional(),
    outOfMemory: outOfMemorySchema.optional(),
  })
  .meta({ id: 'Instance' });

export const servicePhases = [
  'Starting',
  'Stable',
  'Progressing',
  'Parked',
  'Paused',
  'Waiting',
  'RolledBack',
] as const;

export const serviceSchema = z
  .object({
    apiVersion: z.literal(apiVersion),
    kind: z.literal('Service'),
    metadata: z.object(metadataShape),
    spec: z.object({
      host: z.string(),
      dependsOn: z.array(z.string()),
      revision: revisionSchema,
      requestTimeoutMs: count,
      /** What holds for some requests, in words; no match: for every request. Absent: nothing does. */
      rules: z
        .array(
          z.object({
            name: z.string(),
            matches: z.array(z.string()),
            timeouts: z.record(z.string(), z.string()),
            /** Absent: as the gateway has it. */
            maxBodyBytes: count.optional(),
            /** Settings by key, as a release file writes them; absent: as the service's. */
            retries: z.record(z.string(), z.string()).optional(),
            /** By the names of the limits, in words; absent: none of its own. */
            rateLimit: z.record(z.string(), z.string()).optional(),
            /** The token that its requests must carry; absent: as the service's. */
            jwt: z.record(z.string(), z.string()).optional(),
          }),
        )
        .optional(),
      /** `cookie NAME`, `header NAME` or `client address`; absent: nobody stays with a revision. */
      sticky: z.string().optional(),
      /** Settings by part (`retries`) and key, as a release file writes them; absent: the defaults. */
      trafficPolicy: z.record(z.string(), z.record(z.string(), z.string())).optional(),
      /** Requests that go to the candidate at any weight, by step; absent: none. */
      stepMatches: z
        .array(z.object({ weightPercent: percent, matches: z.array(z.string()) }))
        .optional(),
      /** `canary`, or another with what it does, in words. */
      strategy: z.string().default('canary'),
      bakeMs: count,
      stepWeightsPercent: z.array(percent),
      /** Settings by key, as a release file writes them. Empty: from an older server. */
      gate: z.record(z.string(), z.string()).default({}),
      /** `availability: success 99%`. */
      objectives: z.array(z.string()).default([]),
    }),
    status: z.object({
      /**
       * Stable, Progressing, Parked (the candidate has no share for a while), Paused (by hand), Waiting (for a person), RolledBack
       * (the newest rollout), Starting.
       */
      phase: z.enum(servicePhases),
      sentence: z.string(),
      /** `Available`: its stable revision has a ready instance; `Progressing`: a rollout is under way; `Healthy`. */
      conditions: z.array(conditionSchema).default([]),
      stable: revisionSchema.nullable(),
      /** Revisions an undo can go to, newest last. */
      stables: z.array(revisionSchema),
      rollout: rolloutSchema.nullable(),
      traffic: z.array(z.object({ revisionId: z.string(), weightPercent: percent })),
      instances: z.array(instanceSchema),
      /** The newest restart by hand; absent: there was none. */
      restart: restartSchema.optional(),
      /** What is injected on purpose now; absent: nothing is, or a list was asked for. */
      faults: z.array(faultSchema).optional(),
      /** As the instances of each revision see them now; absent: there are none. */
      flags: z.array(flagSchema).optional(),
      ...loadShape,
    }),
  })
  .meta({ id: 'Service' });

export const serviceListSchema = z.object({ items: z.array(serviceSchema) });

/** One finished rollout. */
export const rolloutSummarySchema = z
  .object({
    id: z.string(),
    kind: z.enum(['first', 'canary', 'blue-green', 'rolling', 'recreate', 'undo']),
    fromRevisionId: z.string().nullable(),
    toRevisionId: z.string(),
    toVersion: z.string().nullable(),
    outcome: z.enum(['promoted', 'rolled-back']),
    cause: causeSchema.nullable(),
    startedAt: time,
    endedAt: time,
    startedBy: handSchema,
    totals: armPairSchema,
  })
  .meta({ id: 'RolloutSummary' });

export const rolloutHistorySchema = z.object({ items: z.array(rolloutSummarySchema) });

/** What an entry says of its decision. */
const replaySaidSchema = z.object({
  decision: z.string(),
  sentence: z.string(),
  verdict: z.enum(['pass', 'fail', 'undecided']).nullable(),
});

/** The recorded events of a rollout, decided once more. */
export const rolloutReplaySchema = z
  .object({
    rolloutId: z.string(),
    /** Every decision came out again, byte for byte. */
    isSame: z.boolean(),
    decisionCount: count,
    sameCount: count,
    eventCount: count,
    /** Of the programs that decided, each once, oldest first. */
    versions: z.array(z.string()),
    /** Of the program that decided again: another version may decide otherwise. */
    replayedByVersion: z.string(),
    firstDifference: z
      .object({
        entryIndex: count,
        version: z.string(),
        what: z.string(),
        recorded: replaySaidSchema.nullable(),
        /** Null: no decision came of the events. */
        replayed: replaySaidSchema.nullable(),
      })
      .nullable(),
  })
  .meta({ id: 'RolloutReplay' });

/** What an entry was decided from, by the digest that the entry names. */
export const ledgerInputSchema = z
  .object({
    sha256: z.string(),
    /** Null: the ledger has no such bytes. */
    base64: z.string().nullable(),
  })
  .meta({ id: 'LedgerInput' });

/** Files as the caller has them; `path` is absolute, so that relative folders in a file mean the caller's. */
export const filesSchema = z.object({
  files: z
    .array(z.object({ path: z.string(), text: z.string() }))
    .min(1)
    .max(500),
});

export const applyRequestSchema = filesSchema
  .extend({
    dryRun: z.boolean().default(false),
    who: z.string().min(1).max(200),
    why: z.string().max(2000).nullable().default(null),
    /** By service: only if that is still its resourceVersion, else 409; `0`: only if there is none. Absent: whatever it is. */
    resourceVersions: z.record(z.string().max(63), resourceVersion).optional(),
  })
  .meta({ id: 'Apply' });

/** `would` says, in a dry run, what an apply would do. */
export const applyResultSchema = z
  .object({
    service: z.string(),
    outcome: z.enum(['started', 'updated', 'unchanged', 'refused']),
    rolloutId: z.string().nullable(),
    revisionId: z.string(),
    sentence: z.string(),
    /** Lines of a unified diff between what is applied and the file; empty: no difference. */
    diff: z.array(z.string()),
  })
  .meta({ id: 'ApplyResult' });

export const applyResponseSchema = z.object({ results: z.array(applyResultSchema) });

export const actionRequestSchema = z
  .object({
    action: z.enum([
      'promote',
      'promote-full',
      'pause',
      'resume',
      'abort',
      'retry',
      'undo',
      'restart',
      'delete',
    ]),
    /** Only for undo: id, `<version>` or null for the one before. */
    toRevision: z.string().nullable().default(null),
    who: z.string().min(1).max(200),
    why: z.string().max(2000).nullable().default(null),
    /** Only for promote and promote-full: past signed approvals, in an emergency; `why` must say which. */
    override: z.boolean().default(false),
    /** Only if this is still the service's, else 409; as well by If-Match. Absent: whatever it is. */
    resourceVersion: resourceVersion.optional(),
  })
  .meta({ id: 'Action' });

export const actionResponseSchema = z.object({
  outcome: z.enum(['done', 'refused']),
  sentence: z.string(),
});

/** One entry of the ledger as people read it; also one line of the event stream. */
export const eventSchema = z
  .object({
    index: count,
    at: time,
    type: z.string(),
    service: z.string().nullable(),
    rolloutId: z.string().nullable(),
    decision: z.string().nullable(),
    weightPercent: percent.nullable(),
    by: handSchema.nullable(),
    /** `warning`: an operator should look at it. */
    severity: z.enum(['info', 'warning']).default('info'),
    sentence: z.string(),
  })
  .meta({ id: 'LedgerEvent' });

export const eventListSchema = z.object({ items: z.array(eventSchema) });

export const logLineSchema = z
  .object({
    instanceId: z.string(),
    stream: z.enum(['stdout', 'stderr']),
    text: z.string(),
  })
  .meta({ id: 'LogLine' });

export const serverStatusSchema = z
  .object({
    version: z.string(),
    pid: count,
    startedAt: time,
    stateFolder: z.string(),
    rssBytes: count,
    gateway: z.object({
      url: z.string(),
      /** For Prometheus; null: it serves none. */
      metricsUrl: z.string().nullable(),
      pid: z.number().nullable(),
      isReachable: z.boolean(),
      tableVersion: z.number().nullable(),
      restarts: count,
      /** Processes that serve; `lost` have ended without being asked to. Null: the gateway is one process. */
      workers: z.object({ wanted: count, serving: count, lost: count }).nullable().default(null),
    }),
    ledger: z.object({
      entries: count,
      headLeafHash: z.string().nullable(),
      keyId: z.string(),
      /** Why nothing can be recorded at the moment; null: it can. */
      trouble: z.string().nullable(),
      /** Whether promotions wait for witnesses. */
      witnessMode: z.enum(['require', 'warn', 'off']),
      /** A promotion that waits for witnesses, or a checkpoint they have not cosigned; null: neither. */
      witnessProblem: z.string().nullable(),
    }),
    /** Null: there is no sink of CDEvents. */
    cdEvents: cdEventsStatusSchema.nullable().default(null),
  })
  .meta({ id: 'ServerStatus' });

export const checkpointResponseSchema = z.object({
  /** Entries under it. */
  size: count,
  /** A signed note (c2sp.org/tlog-checkpoint), with the cosignatures that came. */
  note: z.string(),
  /** Names of the witnesses that cosigned it. */
  witnesses: z.array(z.string()),
  /** Why fewer have cosigned than the policy wants; null: enough have. */
  problem: z.string().nullable(),
});

export const stopRequestSchema = z.object({
  who: z.string().min(1).max(200).optional(),
  /** Also stop the instances and the gateway; else only the control plane stops and traffic flows on. */
  all: z.boolean(),
});

/** RFC 9457. `problems` is filled for refused release files. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    /** Of 409: that of the service now. */
    resourceVersion: z.string().optional(),
    problems: z
      .array(
        z.object({
          path: z.string(),
          line: count,
          column: count,
          message: z.string(),
          hint: z.string().nullable(),
          sourceLine: z.string(),
        }),
      )
      .optional(),
  })
  .meta({ id: 'Problem' });

export type RevisionView = z.infer<typeof revisionSchema>;
export type RolloutView = z.infer<typeof rolloutSchema>;
export type ServiceView = z.infer<typeof serviceSchema>;
export type InstanceView = z.infer<typeof instanceSchema>;
export type RolloutSummaryView = z.infer<typeof rolloutSummarySchema>;
export type RolloutReplayView = z.infer<typeof rolloutReplaySchema>;
export type LedgerInput = z.infer<typeof ledgerInputSchema>;
export type ApplyRequest = z.infer<typeof applyRequestSchema>;
export type ApplyResult = z.infer<typeof applyResultSchema>;
export type ActionRequest = z.infer<typeof actionRequestSchema>;
export type EventView = z.infer<typeof eventSchema>;
export type ServerStatus = z.infer<typeof serverStatusSchema>;
export type ProblemDetails = z.infer<typeof problemSchema>;
