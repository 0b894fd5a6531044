import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import type { ReleaseEvidence } from '../../../../api/evidence-wire.ts';
import { EvidenceLedger } from '../../../../control/ledger/release-evidence.fixture.ts';
import { releaseEvidence } from '../../../../control/ledger/release-evidence.ts';
import { canonicalText } from './canonical-text.ts';
import { type Verification, verifyEvidence } from './verify-evidence.ts';

type File = Pick<ReleaseEvidence, 'checkpoint' | 'entries' | 'isWhole' | 'policy'>;
type Entry = File['entries'][number];

async function fileOf(ledger: EvidenceLedger): Promise<File> {
  const wish = { service: 'web', rolloutId: 'web-2' };
  const found = await releaseEvidence(ledger.parts, wish, AbortSignal.timeout(120_000));
  assert.ok(found !== null);
  const { checkpoint, policy, isWhole, entries } = found;
  return {
    checkpoint,
    policy: [...policy],
    isWhole,
    entries: entries.map(({ index, about, leaf, hashes }) => ({
      index,
      about,
      envelope: Buffer.from(leaf).toString('utf8'),
      inclusionProof: hashes?.map((hash) => Buffer.from(hash).toString('base64')) ?? null,
    })),
  };
}

/** `file` is what an honest server gives; `other` is of a ledger of the same names and other keys. */
const world: { file: File; other: File; early: File } = {
  file: { checkpoint: null, policy: [], isWhole: true, entries: [] },
  other: { checkpoint: null, policy: [], isWhole: true, entries: [] },
  early: { checkpoint: null, policy: [], isWhole: true, entries: [] },
};

before(async () => {
  const ledger = await EvidenceLedger.open();
  world.early = await fileOf(ledger);
  await ledger.checkpoint();
  world.file = await fileOf(ledger);
  const other = await EvidenceLedger.open();
  await other.checkpoint();
  world.other = await fileOf(other);
});

const verified = (file: File, policy = world.file.policy) => verifyEvidence(file, policy);

function failures({ checks, entries }: Verification): string[] {
  return [
    ...checks.filter(({ result }) => result === 'failed').map(({ what }) => what),
    ...entries.flatMap(({ index, checks: own }) =>
      own.filter(({ result }) => result === 'failed').map(({ what }) => `${index}: ${what}`),
    ),
  ];
}

test('what an honest server gives is valid, checkpoint, entries and the person’s word', async () => {
  const verification = await verified(world.file);
  assert.deepEqual(failures(verification), []);
  assert.equal(verification.isValid, true);
  assert.equal(verification.openCount, 0);
  const told = verification.checks.map(({ what }) => what).join('\n');
  assert.match(told, /is signed with the log’s Ed25519 key [0-9a-f]{8}\n.*ML-DSA-44 key/);
  const approval = verification.entries.find(({ statement }) => statement?.type === 'approval');
  assert.equal(approval?.person, 'ben');
  assert.match(approval.checks.at(-1)?.what ?? '', /^ben says approve to entry \d+, signed with/);
});

/** Every entry of the release, so that none is verified less than another. */
test('a tampered entry fails, whichever it is, and whatever of it was changed', async () => {
  for (const [at, entry] of world.file.entries.entries()) {
    const changes: readonly (readonly [string, (text: string) => string])[] = [
      ['its payload', (text) => withPayload(text, (payload) => payload.replace('web', 'wob'))],
      [
        'its signature',
        (text) => text.replace(/"sig":"(.)/, (_, c) => `"sig":"${c === 'A' ? 'B' : 'A'}`),
      ],
      ['a space in it', (text) => `${text} `],
      [
        'that of another',
        () => world.file.entries[(at + 1) % world.file.entries.length]?.envelope ?? '',
      ],
      ['that of another ledger', () => world.other.entries[at]?.envelope ?? ''],
      ['nothing', () => ''],
    ];
    for (const [what, change] of changes) {
      const envelope = change(entry.envelope);
      if (envelope === entry.envelope) continue;
      const file = withEntry(at, { ...entry, envelope });
      const verification = await verified(file);
      assert.equal(verification.isValid, false, `entry ${entry.index}, ${what}`);
      const own = verification.entries[at]?.checks ?? [];
      assert.ok(
        own.some(({ result }) => result === 'failed'),
        `entry ${entry.index}, ${what}`,
      );
    }
  }
});

const planted: readonly (readonly [name: string, file: () => File, why: RegExp])[] = [
  [
    'a hash of a proof is another',
    () => withProof((hashes) => [...hashes.slice(1), hashes[0] ?? '']),
    /do NOT lead to the root/,
  ],
  ['a proof has a hash less', () => withProof((hashes) => hashes.slice(1)), /do NOT lead/],
  [
    'a proof has a hash more',
    () => withProof((hashes) => [...hashes, hashes[0] ?? '']),
    /do NOT lead/,
  ],
  [
    'an entry is said to stand elsewhere',
    () => withEntry(3, { ...entryAt(3), index: entryAt(3).index + 1 }),
    /do NOT lead/,
  ],
  [
    'the checkpoint has another root',
    () =>
      withNote((note) =>
        note.replace(/\n\d+\n./, (text) => `${text.slice(0, -1)}${text.endsWith('A') ? 'B' : 'A'}`),
      ),
    /is NOT signed with the log’s Ed25519 key/,
  ],
  [
    'the checkpoint has another size',
    () => withNote((note) => note.replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) + 1}\n`)),
    /is NOT signed/,
  ],
  [
    'the checkpoint lacks the signature with ML-DSA-44',
    () => withNote((note) => `${note.trimEnd().split('\n').slice(0, -1).join('\n')}\n`),
    /lacks a signature with ML-DSA-44/,
  ],
  [
    'checkpoint and entries are those of another ledger',
    () => ({ ...world.other, policy: world.file.policy }),
    /is NOT signed/,
  ],
];

for (const [name, make, why] of planted) {
  test(`${name}: it fails`, async () => {
    const verification = await verified(make());
    assert.equal(verification.isValid, false);
    assert.match(failures(verification).join('\n'), why);
  });
}

test('a signature with Ed25519 alone is no signature of what decides', async () => {
  const at = world.file.entries.findIndex(({ envelope }) =>
    statementText(envelope).includes('release-plan'),
  );
  const entry = entryAt(at);
  const whole = JSON.parse(entry.envelope) as { signatures: unknown[] };
  const envelope = canonicalText({ ...whole, signatures: whole.signatures.slice(0, 1) });
  const told = failures(await verified(withEntry(at, { ...entry, envelope }))).join('\n');
  assert.match(told, /it decides, and lacks the signature with ML-DSA-65/);
});

test('without the entry that enrols the keys nothing is signed by anybody known', async () => {
  const entries = world.file.entries.filter(({ about }) => about === 'release');
  const verification = await verified({ ...world.file, entries });
  assert.equal(verification.isValid, false);
  assert.match(failures(verification).join('\n'), /a key that no verified entry enrols/);
});

test('without a checkpoint, or beyond it, nothing has failed and nothing is proven', async () => {
  const early = await verified(world.early);
  assert.deepEqual(failures(early), []);
  assert.equal(early.isValid, false);
  assert.ok(early.openCount > 0);
  const entry = { ...entryAt(world.file.entries.length - 1), inclusionProof: null };
  const later = await verified(withEntry(world.file.entries.length - 1, entry));
  assert.deepEqual(failures(later), []);
  assert.equal(later.openCount, 1);
});

test('a policy that is not one believes nothing', async () => {
  for (const policy of [[], ['quorum none'], ['log x'], ['log a+00000000+AAAA']]) {
    const verification = await verified(world.file, policy);
    assert.equal(verification.isValid, false, policy.join());
  }
});

function entryAt(at: number): Entry {
  const entry = world.file.entries[at];
  assert.ok(entry !== undefined);
  return entry;
}

function withEntry(at: number, entry: Entry): File {
  return { ...world.file, entries: world.file.entries.with(at, entry) };
}

function withProof(change: (hashes: readonly string[]) => readonly string[]): File {
  const entry = entryAt(3);
  return withEntry(3, { ...entry, inclusionProof: [...change(entry.inclusionProof ?? [])] });
}

function withNote(change: (note: string) => string): File {
  const note = world.file.checkpoint ?? '';
  const changed = change(note);
  assert.notEqual(changed, note);
  return { ...world.file, checkpoint: changed };
}

function statementText(envelope: string): string {
  const { payload } = JSON.parse(envelope) as { payload: string };
  return Buffer.from(payload, 'base64').toString('utf8');
}

function withPayload(envelope: string, change: (payload: string) => string): string {
  const whole = JSON.parse(envelope) as { payload: string };
  const payload = Buffer.from(change(statementText(envelope))).toString('base64');
  return canonicalText({ ...whole, payload });
}
