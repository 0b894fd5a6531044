import { generateKeyPairSync, sign } from 'node:crypto';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemoryPairSigner } from '../../adapters/memory/memory-signer.ts';
import { approvalPolicySha256, requestSha256 } from '../../domain/evidence/approval/approval.ts';
import { approvalEntryData } from '../../domain/evidence/approval/approval-entry.ts';
import { personEventData } from '../../domain/evidence/approval/person-enrolment.ts';
import {
  approvalBy,
  enrolmentOf,
  person,
  type TestPerson,
} from '../../domain/evidence/approval/person.fixture.ts';
import type { JsonObject } from '../../domain/evidence/canonical-json.ts';
import { rawKeyOf } from '../../domain/evidence/note-key.ts';
import type { EntryType } from '../../domain/evidence/statement.ts';
import type { NoteSigner } from '../../ports/identity.ts';
import { streamOfApprovals } from '../desks/approval-desk.ts';
import { LOAD_STREAM } from '../desks/load-desk.ts';
import { openRecorder, type Recorder } from '../recording/recorder.ts';
import { streamOfService } from '../recording/recovery.ts';
import { KEY_STREAM } from '../recording/wanted-signer.ts';
import { Checkpointer } from './checkpointer.ts';
import type { ReleaseEvidenceParts } from './release-evidence.ts';

/** A ledger of two services in which ben has approved web-2, and dan has nothing to do with it. */
export class EvidenceLedger {
  readonly store = new MemoryLedgerStore();
  readonly ben = person('ben');
  readonly dan = person('dan');
  readonly #signal = AbortSignal.timeout(120_000);
  readonly #notes: readonly NoteSigner[];
  readonly #recorder: Recorder;
  readonly #checkpointer: Checkpointer;
  #number = 0;

  static async open(): Promise<EvidenceLedger> {
    const mlDsa = generateKeyPairSync('ml-dsa-44');
    const spki = mlDsa.publicKey.export({ type: 'spki', format: 'der' });
    const checkpointKey = rawKeyOf('cosignature-ml-dsa-44', spki);
    const pair = createMemoryPairSigner(Buffer.alloc(32, 7));
    const signer = { ...pair, postQuantum: { ...pair.postQuantum, checkpointKey } };
    const store = new MemoryLedgerStore();
    const signal = AbortSignal.timeout(120_000);
    const parts = { store, tree: store, signer, clock, version: '0.1.0' };
    const recorder = await openRecorder(parts, signal);
    const notes: readonly NoteSigner[] = [
      {
        type: 'ed25519',
        publicKey: rawKeyOf('ed25519', pair.publicKey),
        sign: (message, until) => pair.sign(message, until),
      },
      {
        type: 'cosignature-ml-dsa-44',
        publicKey: checkpointKey,
        sign: async (message) => sign(null, message, mlDsa.privateKey),
      },
    ];
    const ledger = new EvidenceLedger({ store, recorder, notes });
    await ledger.#fill();
    return ledger;
  }

  private constructor(parts: {
    readonly store: MemoryLedgerStore;
    readonly recorder: Recorder;
    readonly notes: readonly NoteSigner[];
  }) {
    this.store = parts.store;
    this.#recorder = parts.recorder;
    this.#notes = parts.notes;
    this.#checkpointer = new Checkpointer({
      store: parts.store,
      tree: parts.store,
      signers: () => parts.notes,
      clock,
      quorum: { kind: 'none' },
      witnesses: [],
      onProblem: () => undefined,
    });
  }

  get parts(): ReleaseEvidenceParts {
    return { store: this.store, notes: () => this.#notes };
  }

  async checkpoint(): Promise<void> {
    await this.#checkpointer.make(this.#signal);
  }

  async record(stream: string, type: EntryType, data: JsonObject): Promise<void> {
    this.#number += 1;
    const entry = { type, subjects: [], idempotencyKey: `${this.#number}`, data };
    await this.#recorder.record({ stream, entries: [entry], blobs: [] }, this.#signal);
  }

  /** An entry of `web`. */
  async web(type: EntryType, decision: string, change: JsonObject = {}): Promise<JsonObject> {
    const sentence = `${decision} of web-2`;
    const data = { service: 'web', rolloutId: 'web-2', decision, sentence, atMs: 1, ...change };
    await this.record(streamOfService('web'), type, data);
    return data;
  }

  async #fill(): Promise<void> {
    for (const each of [this.ben, this.dan]) await this.#enrol(each);
    await this.web('release-plan', 'start', { rolloutId: 'web-1' });
    await this.web('release-plan', 'start', { by: { who: 'ana', why: 'faster' } });
    await this.record(streamOfService('pay'), 'decision', { service: 'pay', rolloutId: 'pay-2' });
    const policy = { rules: [{ role: 'sre', count: 1 }], validForMs: 60_000 };
    const policySha256 = approvalPolicySha256(policy);
    const approval = { stepNumber: 1, policy, policySha256, author: 'ana' };
    const request = await this.web('approval-request', 'wait', { approval });
    await this.#approve(this.ben, request, policySha256);
    await this.#approve(this.dan, { ...request, rolloutId: 'web-1' }, policySha256);
    const verdict = { kind: 'pass', explanation: { sentence: 'no worse than stable' } };
    await this.web('gate-result', 'advance', { weightPercent: 100, verdict });
    await this.record(LOAD_STREAM, 'load-test', { service: 'web', rolloutId: 'web-2' });
    await this.web('deploy-outcome', 'promoted');
  }

  async #enrol(who: TestPerson): Promise<void> {
    const enrolment = enrolmentOf(who);
    const event = { action: 'enrol-person', by: 'admin', enrolment, roles: ['sre'] } as const;
    await this.record(KEY_STREAM, 'key-event', personEventData(event));
  }

  async #approve(who: TestPerson, request: JsonObject, policySha256: string): Promise<void> {
    const envelope = approvalBy(who, {
      requestSha256: requestSha256(request),
      policySha256,
      verdict: 'approve',
      role: 'sre',
      expiresAtMs: clock.nowMs() + 50_000,
      reason: 'dashboards are quiet',
    });
    await this.record(streamOfApprovals('web'), 'approval', approvalEntryData(envelope));
  }
}

const clock = {
  nowMs: () => 1_700_000_000_000,
  sleep: () => Promise.reject(new Error('nothing here waits')),
};
