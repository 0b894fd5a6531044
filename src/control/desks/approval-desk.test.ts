import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import { type Approval } from '../../domain/evidence/approval/approval.ts';
import { personEventData } from '../../domain/evidence/approval/person-enrolment.ts';
import {
  approvalBy,
  enrolmentOf,
  person,
  type TestPerson,
} from '../../domain/evidence/approval/person.fixture.ts';
import { sha256Hex } from '../../domain/evidence/digest.ts';
import { openVerification } from '../../domain/evidence/verify-ledger.ts';
import {
  ana as anaHand,
  instancesOf,
  plan,
  revisionOf,
  sampleOf,
  specOf,
  stepOf,
} from '../../domain/release/release.fixture.ts';
import type { Decision } from '../../domain/release/service-state.ts';
import { ApprovalDesk, type OpenRequest, type Said } from './approval-desk.ts';
import { entryBatch } from '../recording/entry-batch.ts';
import { HandClock } from '../loop/hand-clock.fixture.ts';
import { openRecorder, type Recorder } from '../recording/recorder.ts';
import { KEY_STREAM } from '../recording/wanted-signer.ts';
import { ServiceLane, type UntimedEvent } from '../loop/service-lane.ts';

const signal = new AbortController().signal;
const ben = person('ben');
const cleo = person('cleo');
const stranger = person('stranger');

/** One service whose first step waits for an sre and an owner: the real decider and recorder, without router and platform. */
class World {
  readonly store = new MemoryLedgerStore();
  readonly clock = new HandClock(1_000);
  readonly lane = new ServiceLane('web');
  recorder!: Recorder;
  desk!: ApprovalDesk;

  static async open(startedBy = 'ana'): Promise<World> {
    const world = new World();
    const signer = createMemorySigner(Buffer.alloc(32, 1));
    const { store, clock } = world;
    world.recorder = await openRecorder({ store, signer, clock, version: '1' }, signal);
    world.desk = world.newDesk();
    await world.enrol(ben, ['sre']);
    await world.enrol(cleo, ['owner']);
    await world.reachApproval({ ...anaHand, who: startedBy });
    return world;
  }

  newDesk(): ApprovalDesk {
    const { lane } = this;
    const loop = {
      services: [lane.state],
      service: () => lane.state,
      submit: (_service: string, event: UntimedEvent) => this.take(event),
    };
    Object.defineProperty(loop, 'services', { get: () => [lane.state] });
    return new ApprovalDesk({ recorder: this.recorder, loop, clock: this.clock });
  }

  async enrol(who: TestPerson, roles: readonly string[]): Promise<void> {
    await this.keyEvent({
      action: 'enrol-person',
      by: 'admin',
      enrolment: enrolmentOf(who),
      roles,
    });
  }

  async keyEvent(event: Parameters<typeof personEventData>[0]): Promise<void> {
    const data = personEventData(event);
    const idempotencyKey = sha256Hex(JSON.stringify(data));
    const entry = { type: 'key-event', subjects: [], idempotencyKey, data } as const;
    await this.recorder.record({ stream: KEY_STREAM, entries: [entry], blobs: [] }, signal);
  }

  async take(event: UntimedEvent): Promise<Decision> {
    const decision = this.lane.take(event, this.clock.nowMs());
    const { record } = decision;
    if (record !== null) {
      const batch = entryBatch({ record, events: this.lane.drainEvents(), state: this.lane.state });
      await this.recorder.record(batch, signal);
    }
    return decision;
  }

  async reachApproval(by: typeof anaHand): Promise<void> {
    const rules = [
      { role: 'owner', count: 1 },
      { role: 'sre', count: 1 },
    ];
    const wait = { kind: 'approval', policy: { rules, validForMs: 60_000 } } as const;
    const steps = [stepOf(10, { gated: false, wait }), stepOf(100)];
    await this.take({ kind: 'apply', spec: specOf(1), by });
    await this.take({ kind: 'instances', revisions: [instancesOf(1)] });
    await this.take({ kind: 'effect-done', key: 'web/2/route' });
    const settings = { ...plan, steps, bakeMs: 0 };
    await this.take({ kind: 'apply', spec: specOf(2, { plan: settings }), by });
    await this.take({ kind: 'instances', revisions: [instancesOf(1), instancesOf(2)] });
    const { rollout } = this.lane.state;
    const key =
      rollout !== null && 'effectKey' in rollout.phase ? (rollout.phase.effectKey ?? '') : '';
    await this.take({ kind: 'effect-done', key });
    await this.sample();
    assert.equal(this.phase, 'waiting');
  }

  async sample(): Promise<void> {
    const atMs = this.clock.nowMs();
    const counts = [1, 2].map((number) => {
      return { revisionId: revisionOf(number).id, requests: 40, failures: 0 };
    });
    await this.take({ kind: 'sample', sample: sampleOf(atMs, counts) });
  }

  get phase(): string {
    return this.lane.state.rollout?.phase.kind ?? 'none';
  }

  async request(): Promise<OpenRequest> {
    const [open] = await this.desk.open(signal);
    assert.ok(open !== undefined, 'a step waits');
    return open;
  }

  async says(who: TestPerson, change: Partial<Approval> = {}): Promise<Said> {
    const open = await this.request();
    const approval: Approval = {
      requestSha256: open.sha256,
      policySha256: open.request.policySha256,
      verdict: 'approve',
      role: who === cleo ? 'owner' : 'sre',
      expiresAtMs: this.clock.nowMs() + 50_000,
      reason: 'looks good',
      ...change,
    };
    return this.desk.say(approvalBy(who, approval), signal);
  }

  /** What an auditor finds of the whole ledger. */
  async verified(): Promise<{ readonly valid: boolean; readonly approvals: number }> {
    const verification = openVerification({ trustedKeyId: null });
    const all = this.store.read({ fromIndex: 0, stream: null }, signal);
    for await (const { leaf } of all) verification.add(leaf);
    const { valid, byType, firstProblem } = verification.finish();
    assert.equal(firstProblem, null);
    return { valid, approvals: byType.approval };
  }
}

test('two people sign, the step goes on, and an auditor finds both words', async () => {
  const world = await World.open();
  const first = await world.says(ben);
  assert.equal(first.kind, 'recorded');
  assert.equal(world.phase, 'waiting');
  const again = await world.request();
  assert.deepEqual(again.quorum.kind === 'open' && again.quorum.missing, [
    { role: 'owner', count: 1 },
  ]);
  await world.says(cleo);
  assert.equal(world.phase, 'shifting');
  assert.deepEqual(await world.verified(), { valid: true, approvals: 2 });
  assert.deepEqual(await world.desk.open(signal), []);
});

test('the same envelope sent twice is one entry', async () => {
  const world = await World.open();
  const open = await world.request();
  const { sha256: requestSha256, request } = open;
  const envelope = approvalBy(ben, {
    requestSha256,
    policySha256: request.policySha256,
    verdict: 'approve',
    role: 'sre',
    expiresAtMs: 40_000,
    reason: 'yes',
  });
  const said = [await world.desk.say(envelope, signal), await world.desk.say(envelope, signal)];
  assert.deepEqual(
    said.map((each) => each.kind === 'recorded' && each.index),
    [(await world.request()).approvals[0]?.index, (await world.request()).approvals[0]?.index],
  );
  assert.deepEqual((await world.verified()).approvals, 1);
});

interface Row {
  readonly name: string;
  readonly say: (world: World) => Promise<Said>;
  readonly want: RegExp;
}

const refused: readonly Row[] = [
  { name: 'no envelope', say: ({ desk }) => desk.say('{}', signal), want: /lacks payload/ },
  { name: 'no JSON', say: ({ desk }) => desk.say('approve!', signal), want: /not JSON/ },
  { name: 'a stranger', say: (world) => world.says(stranger), want: /is no person's/ },
  {
    name: 'a role not held',
    say: (world) => world.says(ben, { role: 'owner' }),
    want: /does not have the role owner/,
  },
  {
    name: 'another policy',
    say: (world) => world.says(ben, { policySha256: sha256Hex('easy') }),
    want: /for another policy/,
  },
  {
    name: 'another request',
    say: (world) => world.says(ben, { requestSha256: sha256Hex('web-1') }),
    want: /no step waits for an approval of this request/,
  },
  {
    name: 'expired before it came',
    say: (world) => world.says(ben, { expiresAtMs: 10 }),
    want: /has expired/,
  },
  {
    name: 'valid for longer than allowed',
    say: (world) => world.says(ben, { expiresAtMs: 10_000_000 }),
    want: /longer than the policy allows/,
  },
  {
    name: 'a key that was revoked',
    say: async (world) => {
      const { keyId } = ben.keys.ed25519;
      await world.keyEvent({ action: 'revoke-person', by: 'admin', keyId, reason: 'stolen' });
      return world.says(ben);
    },
    want: /may not sign at index/,
  },
];

test('what would not count is refused with the reason, and not written', async () => {
  for (const { name, say, want } of refused) {
    const world = await World.open();
    const said = await say(world);
    assert.match(said.kind === 'refused' ? said.because : 'recorded', want, name);
    assert.deepEqual(await world.verified(), { valid: true, approvals: 0 }, name);
    assert.equal(world.phase, 'waiting', name);
  }
});

test('who began the rollout does not approve it', async () => {
  const world = await World.open('ben');
  const said = await world.says(ben);
  assert.match(said.kind === 'refused' ? said.because : '', /ben is the author/);
});

test('a rejection holds, and what was approved is recorded all the same; withdrawn, it goes on', async () => {
  const world = await World.open();
  await world.says(cleo, { verdict: 'reject' });
  await world.says(ben);
  assert.equal(world.phase, 'waiting');
  await world.says(cleo, { verdict: 'withdraw' });
  await world.says(cleo, { reason: 'it was another dashboard' });
  assert.equal(world.phase, 'shifting');
  assert.deepEqual(await world.verified(), { valid: true, approvals: 4 });
});

test('approvals recorded before a crash count after it, though the loop had not been told', async () => {
  const world = await World.open();
  const { lane } = world;
  const deaf = new ApprovalDesk({
    recorder: world.recorder,
    clock: world.clock,
    loop: {
      services: [lane.state],
      service: () => lane.state,
      submit: () => Promise.reject(new Error('killed')),
    },
  });
  const heard = world.desk;
  world.desk = deaf;
  await assert.rejects(world.says(ben), /killed/);
  await assert.rejects(world.says(cleo), /killed/);
  assert.equal(world.phase, 'waiting');
  world.desk = heard;
  await heard.resume(signal);
  assert.equal(world.phase, 'shifting');
});

test('a word and the revocation of its key at the same moment leave a ledger that verifies', async () => {
  for (const isWordFirst of [true, false]) {
    const world = await World.open();
    const { keyId } = ben.keys.ed25519;
    const revoke = () =>
      world.keyEvent({ action: 'revoke-person', by: 'admin', keyId, reason: 'lost' });
    const open = await world.request();
    const envelope = approvalBy(ben, {
      requestSha256: open.sha256,
      policySha256: open.request.policySha256,
      verdict: 'approve',
      role: 'sre',
      expiresAtMs: 40_000,
      reason: 'quick',
    });
    const word = () => world.desk.say(envelope, signal).catch((error: unknown) => error);
    await Promise.all(isWordFirst ? [word(), revoke()] : [revoke(), word()]);
    assert.equal((await world.verified()).valid, true);
    assert.equal(world.phase, 'waiting');
  }
});
