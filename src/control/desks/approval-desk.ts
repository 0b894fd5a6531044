import {
  type ApprovalEntry,
  approvalEntryData,
  checkApprovalEntry,
} from '../../domain/evidence/approval/approval-entry.ts';
import { readApproval, requestSha256 } from '../../domain/evidence/approval/approval.ts';
import {
  type Quorum,
  quorumOf,
  type RecordedApproval,
} from '../../domain/evidence/approval/quorum.ts';
import { EvidenceError, type JsonValue } from '../../domain/evidence/canonical-json.ts';
import { sha256Hex } from '../../domain/evidence/digest.ts';
import { policyOf } from '../../domain/release/approvals.ts';
import {
  activeRollout,
  type ApprovalRequest,
  type ApprovalStanding,
  type ReleaseRecord,
  type ServiceState,
} from '../../domain/release/service-state.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ControlLoop } from '../loop/loop.ts';
import type { Recorder } from '../recording/recorder.ts';
import { streamOfService } from '../recording/recovery.ts';

/** A waiting step, and what was said of it. */
export interface OpenRequest {
  readonly service: string;
  readonly rolloutId: string;
  readonly stepIndex: number;
  /** Of the entry that asks. */
  readonly index: number;
  readonly sha256: string;
  /** That entry's data: what is signed for. */
  readonly data: JsonValue;
  readonly request: ApprovalRequest;
  readonly approvals: readonly RecordedApproval[];
  readonly quorum: Quorum;
}

export type Said =
  | { readonly kind: 'recorded'; readonly index: number; readonly open: OpenRequest }
  | { readonly kind: 'refused'; readonly because: string };

/**
 * Takes the signed words of people, writes them down, and tells the loop what they come to.
 *
 * Word for word what was signed goes into the ledger; who said it is found by the signatures. What would not count is refused
 * here with the reason and not written, so that nobody fills the ledger with words of strangers.
 */
export class ApprovalDesk {
  readonly #recorder: Pick<Recorder, 'record' | 'replay' | 'keys' | 'size'>;
  readonly #loop: Pick<ControlLoop, 'service' | 'services' | 'submit'>;
  readonly #clock: Clock;

  constructor(parts: {
    readonly recorder: Pick<Recorder, 'record' | 'replay' | 'keys' | 'size'>;
    readonly loop: Pick<ControlLoop, 'service' | 'services' | 'submit'>;
    readonly clock: Clock;
  }) {
    this.#recorder = parts.recorder;
    this.#loop = parts.loop;
    this.#clock = parts.clock;
  }

  /** Every step that waits for signed approvals now. */
  async open(signal: AbortSignal): Promise<readonly OpenRequest[]> {
    const found: OpenRequest[] = [];
    for (const state of this.#loop.services) {
      const open = await this.#openOf(state, signal);
      if (open !== null) found.push(open);
    }
    return found;
  }

  /** One person's envelope, as it was signed. Resolves when its entry is durable and the loop has been told. */
  async say(envelope: string, signal: AbortSignal): Promise<Said> {
    const read = this.#read(envelope);
    if (typeof read === 'string') return { kind: 'refused', because: read };
    const open = (await this.open(signal)).find(
      ({ sha256 }) => sha256 === read.approval.requestSha256,
    );
    if (open === undefined) {
      return { kind: 'refused', because: 'no step waits for an approval of this request now' };
    }
    const why = this.#whyNot(read, open);
    if (why !== null) return { kind: 'refused', because: why };
    const [place] = await this.#recorder.record(
      {
        stream: streamOfApprovals(open.service),
        entries: [
          {
            type: 'approval',
            subjects: [{ name: 'approval-request', sha256: open.sha256 }],
            idempotencyKey: sha256Hex(envelope),
            data: approvalEntryData(envelope),
          },
        ],
        blobs: [],
      },
      signal,
    );
    const state = this.#loop.service(open.service);
    const now = state === null ? null : await this.#openOf(state, signal);
    if (now !== null) await this.#tell(now, signal);
    return { kind: 'recorded', index: place?.index ?? -1, open: now ?? open };
  }

  /** After a start: what was recorded before counts, whether or not the loop had been told. */
  async resume(signal: AbortSignal): Promise<void> {
    for (const open of await this.open(signal)) await this.#tell(open, signal);
  }

  #read(envelope: string): ApprovalEntry | string {
    const { keys, size } = this.#recorder;
    try {
      readApproval(envelope);
      return checkApprovalEntry(size, approvalEntryData(envelope), keys.people);
    } catch (error) {
      if (error instanceof EvidenceError) return error.message;
      throw error;
    }
  }

  /** Asked as if it were recorded now; a withdrawal is always heard. */
  #whyNot(read: ApprovalEntry, open: OpenRequest): string | null {
    const { size } = this.#recorder;
    const as = { ...read, index: size, observedAtMs: this.#clock.nowMs() };
    const { refused } = this.#quorum(open, [as], size + 1);
    return refused.find(({ index }) => index === size)?.why ?? null;
  }

  #quorum(
    of: Pick<OpenRequest, 'request' | 'sha256' | 'index'>,
    approvals: readonly RecordedApproval[],
    atIndex: number,
  ): Quorum {
    const { policy, policySha256, author } = of.request;
    return quorumOf({
      policy,
      policySha256,
      author,
      requestSha256: of.sha256,
      requestIndex: of.index,
      approvals,
      directory: this.#recorder.keys.people,
      atIndex,
      atMs: this.#clock.nowMs(),
    });
  }

  async #openOf(state: ServiceState, signal: AbortSignal): Promise<OpenRequest | null> {
    const rollout = activeRollout(state);
    if (rollout?.phase.kind !== 'waiting') return null;
    const { stepIndex } = rollout.phase;
    if (policyOf(rollout, stepIndex) === null) return null;
    const asked = await this.#requestEntry(
      state.name,
      { rolloutId: rollout.id, stepIndex },
      signal,
    );
    // The loop is ahead of the ledger: nobody can approve what is not written yet.
    if (asked === null) return null;
    const approvals = await this.#approvalsOf(state.name, asked.sha256, signal);
    const quorum = this.#quorum(asked, approvals, this.#recorder.size);
    const { service, rolloutId } = { service: state.name, rolloutId: rollout.id };
    return { ...asked, service, rolloutId, stepIndex, approvals, quorum };
  }

  async #requestEntry(
    service: string,
    of: { readonly rolloutId: string; readonly stepIndex: number },
    signal: AbortSignal,
  ): Promise<Pick<OpenRequest, 'index' | 'sha256' | 'data' | 'request'> | null> {
    let found = null;
    for await (const entry of this.#recorder.replay(streamOfService(service), signal)) {
      if (entry.type !== 'approval-request') continue;
      // Written by this program from a ReleaseRecord, and read back as one.
      const record = entry.data as unknown as ReleaseRecord;
      const { approval: request, rolloutId } = record;
      const isOfStep = rolloutId === of.rolloutId && request?.stepNumber === of.stepIndex + 1;
      if (!isOfStep) continue;
      found = { index: entry.index, sha256: requestSha256(entry.data), data: entry.data, request };
    }
    return found;
  }

  async #approvalsOf(
    service: string,
    sha256: string,
    signal: AbortSignal,
  ): Promise<readonly RecordedApproval[]> {
    const { people } = this.#recorder.keys;
    const found: RecordedApproval[] = [];
    for await (const entry of this.#recorder.replay(streamOfApprovals(service), signal)) {
      if (entry.type !== 'approval') continue;
      const { index, observedAtMs } = entry;
      const read = checkApprovalEntry(index, entry.data, people);
      if (read.approval.requestSha256 === sha256) found.push({ ...read, index, observedAtMs });
    }
    return found;
  }

  async #tell(open: OpenRequest, signal: AbortSignal): Promise<void> {
    const { service, rolloutId, stepIndex } = open;
    const standing = standingOf(open);
    await this.#loop.submit(service, { kind: 'approvals', rolloutId, stepIndex, standing }, signal);
  }
}

/** Apart from the service's own stream, which is the history that its state is recovered from. */
export function streamOfApprovals(service: string): string {
  return `approvals/${service}`;
}

function standingOf({ quorum, approvals }: OpenRequest): ApprovalStanding {
  switch (quorum.kind) {
    case 'open':
      return { kind: 'open', missing: quorum.missing };
    case 'rejected': {
      const { index, person } = quorum;
      const said = approvals.find((each) => each.index === index);
      return { kind: 'rejected', index, person, reason: said?.approval.reason ?? '' };
    }
    case 'met': {
      const used = approvals.filter(({ index }) => quorum.indexes.includes(index));
      return {
        kind: 'met',
        by: used.map(({ person, approval, index }) => ({ person, role: approval.role, index })),
        untilMs: Math.min(...used.map(({ approval }) => approval.expiresAtMs)),
      };
    }
  }
}
