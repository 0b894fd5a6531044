import type { ServerStatus } from '../../api/wire.ts';
import type { MadeCheckpoint } from '../../control/ledger/checkpointer.ts';
import type { ReleaseEvidenceParts } from '../../control/ledger/release-evidence.ts';
import type { CacheDesk } from '../../control/desks/cache-desk.ts';
import type { ControlLoop } from '../../control/loop/loop.ts';
import type { ApprovalDesk } from '../../control/desks/approval-desk.ts';
import type { FaultDesk } from '../../control/desks/fault-desk.ts';
import type { LoadDesk } from '../../control/desks/load-desk.ts';
import type { Recorder } from '../../control/recording/recorder.ts';
import type { Authorization } from '../../domain/authorization/authorization.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Platform } from '../../ports/platform.ts';
import type { IdempotencyStore } from './access/idempotency-store.ts';
import type { AccessDesk } from './access/access-desk.ts';
import type { OidcDesk } from './access/oidc-desk.ts';
import type { Site } from './access/site.ts';
import type { ControlPlane } from './control-plane.ts';
import type { EventFeed } from './event-feed.ts';
import type { FlowMeter } from './flow-meter.ts';
import type { RotatedKeys } from './ledger/log-key-desk.ts';
import type { RolloutDesk } from './rollout-desk.ts';
import type { TimelineJournal } from './timeline-journal.ts';

/** What the HTTP routes are given. */
export interface ServerParts {
  readonly version: string;
  readonly access: AccessDesk;
  readonly site: Site;
  /** Signing in at a provider; null: none is set up. */
  readonly oidc: OidcDesk | null;
  /** The URL it listens on. */
  readonly listening: () => string;
  readonly writes: IdempotencyStore;
  /** One line for operators. */
  readonly log: (level: 'info' | 'error', message: string) => void;
  readonly plane: ControlPlane;
  readonly loop: ControlLoop;
  readonly desk: ApprovalDesk;
  readonly faults: FaultDesk;
  readonly cache: CacheDesk;
  readonly loads: LoadDesk;
  /** Of the last minute. */
  readonly flows: FlowMeter;
  readonly rollouts: RolloutDesk;
  readonly timeline: TimelineJournal;
  readonly releaseEvidence: ReleaseEvidenceParts;
  /** Of services that declare none; undefined: everybody may ask them everything. */
  readonly defaultAuthorization: Authorization | undefined;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly recorder: Recorder;
  readonly platform: Platform;
  readonly feed: EventFeed;
  /** Null: everything needed to decide is in place; else what is missing. */
  readonly notReady: () => string | null;
  readonly status: () => Promise<ServerStatus>;
  readonly exportLedger: (signal: AbortSignal, fromIndex: number) => AsyncIterable<string>;
  readonly makeCheckpoint: (signal: AbortSignal) => Promise<MadeCheckpoint>;
  readonly rotateKeys: (
    why: { readonly by: string; readonly reason: string },
    signal: AbortSignal,
  ) => Promise<RotatedKeys>;
  /** Ends the server after the answer is out; with `all` also instances and gateway. */
  readonly stop: (all: boolean) => void;
  /** Aborted when the server stops: ends streams. */
  readonly signal: AbortSignal;
}
