import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';

import {
  type BlobAction,
  type BlobDescriptor,
  type BlobEvent,
  blobPath,
} from '../../domain/evidence/blob-event.ts';
import { sha256Hex } from '../../domain/evidence/digest.ts';
import { exportedLedger } from './exported-ledger.fixture.ts';
import type { VerifyResult } from './verify-result.ts';

const program = join(import.meta.dirname, '..', '..', '..', 'bin', 'tidegate-verify.js');
const samples = descriptorOf('samples', 'a line\n'.repeat(10_000));
const logs = descriptorOf('logs', 'another line\n');
const old = descriptorOf('old', 'deleted meanwhile\n');
const unkept = descriptorOf('unkept', 'there was no room\n');

let folder = '';
let number = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-blob-check-'));
  const blobEvents = [
    eventOf('stored', samples, logs, old),
    eventOf('not-stored', unkept),
    eventOf('retired', old),
  ];
  const ledger = await exportedLedger(join(folder, 'keys'), 10, {
    seed: 1,
    isWitnessed: false,
    blobEvents,
  });
  await ledger.writeTo(join(folder, 'export'));
  for (const { sha256, text } of [samples, logs]) {
    await writeBlob('export', sha256, zstdCompressSync(text));
  }
  await writeFile(join(folder, 'policy.tlog'), ledger.policyText);
  const requiring = `${ledger.policyText}#tidegate require-blobs\n`;
  await writeFile(join(folder, 'requiring.tlog'), requiring);
  await writeFile(join(folder, 'slip.tlog'), requiring.replace('require-blobs', 'require-blob'));
});

after(() => rm(folder, { recursive: true, force: true }));

test('blobs with the bytes that their entries name are proven, with those said that are rightly away', () => {
  const { status, result, stdout } = verified('export', 'requiring.tlog');
  assert.equal(status, 0, stdout);
  assert.deepEqual(result.blobs, {
    stored: 2,
    same: 2,
    missing: 0,
    damaged: 0,
    explained: 2,
    strangers: 0,
  });
  assert.match(result.proves, /2 blobs are as they were; .*the content of other blobs/);
  const { stdout: said } = run('export', 'policy.tlog');
  assert.match(said, /blobs: 2 of 2 are here .*; of 2 more entries say that they were deleted/);
});

const planted: readonly (readonly [name: string, bytes: () => Uint8Array, what: RegExp])[] = [
  ['one bit', () => flipped(zstdCompressSync(samples.text)), /not compressed as it was|SHA-256/],
  ['another text of the same length', () => packed('b line\n'.repeat(10_000)), /with the SHA-256/],
  ['a shorter text', () => packed('a line\n'), /it has 7 bytes .* says 70000 bytes/],
  ['a longer text', () => packed(`${samples.text}x`), /more than 70000 bytes/],
  ['a text of 64 MB', () => packed(Buffer.alloc(64_000_000)), /more than 70000 bytes/],
  ['nothing', () => new Uint8Array(), /it has 0 bytes|not compressed as it was/],
  ['no archive', () => Buffer.from(samples.text), /not compressed as it was/],
];
for (const [name, bytes, what] of planted) {
  test(`a blob in whose place there is ${name} is found, whatever the policy`, async () => {
    const changed = await copyOfExport();
    await writeBlob(changed, samples.sha256, bytes());
    const { status, result } = verified(changed, 'policy.tlog');
    assert.deepEqual([status, result.valid, result.blobs?.damaged], [1, false, 1]);
    const where = `blobs/${blobPath(samples.sha256)} (samples of pay-2)`;
    assert.ok(result.problem?.startsWith(where), result.problem ?? 'it is valid');
    assert.match(result.problem ?? '', what);
  });
}

test('a blob that is not there is said, and is wrong when the policy requires it', async () => {
  const changed = await copyOfExport();
  await rm(join(folder, changed, 'blobs', blobPath(logs.sha256)));
  const { status, stdout } = run(changed, 'policy.tlog');
  assert.equal(status, 0, stdout);
  assert.match(stdout, /blobs: 1 of 2 are here .*; 1 are not here/);
  const required = verified(changed, 'requiring.tlog');
  assert.deepEqual([required.status, required.result.blobs?.missing], [1, 1]);
  assert.match(required.result.problem ?? '', /logs of pay-2\): it is missing, and the policy/);
});

test('a file that no entry speaks of is said and is no proof of anything', async () => {
  const changed = await copyOfExport();
  await writeBlob(changed, sha256Hex('x'), packed('x'));
  const { status, result } = verified(changed, 'requiring.tlog');
  assert.deepEqual([status, result.blobs?.strangers], [0, 1]);
});

test('a slip of the pen in the policy is no comment', () => {
  const { status, stderr } = run('export', 'slip.tlog');
  assert.equal(status, 2);
  assert.match(stderr, /cannot use the policy slip\.tlog: line \d+: after #tidegate only/);
});

interface Described extends BlobDescriptor {
  readonly text: string;
}

function descriptorOf(name: string, text: string): Described {
  const sizeBytes = Buffer.byteLength(text);
  return { name, mediaType: 'text/plain', sha256: sha256Hex(text), sizeBytes, text };
}

function eventOf(action: BlobAction, ...blobs: readonly BlobDescriptor[]): BlobEvent {
  const reason = action === 'stored' ? null : 'because';
  return { action, service: 'pay', rolloutId: 'pay-2', reason, blobs };
}

async function copyOfExport(): Promise<string> {
  number += 1;
  const name = `changed-${number}`;
  await cp(join(folder, 'export'), join(folder, name), { recursive: true });
  return name;
}

async function writeBlob(name: string, sha256: string, bytes: Uint8Array): Promise<void> {
  const path = join(folder, name, 'blobs', blobPath(sha256));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

function packed(text: string | Uint8Array): Uint8Array {
  return zstdCompressSync(text);
}

function flipped(bytes: Uint8Array): Uint8Array {
  const at = bytes.length - 6;
  return bytes.with(at, (bytes[at] ?? 0) ^ 1);
}

function run(name: string, policy: string, ...more: readonly string[]) {
  const argv = [program, name, '--policy', policy, '--workers', '1', ...more];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
    cwd: folder,
    encoding: 'utf8',
    timeout: 120_000,
  });
  return { status, stdout, stderr };
}

function verified(name: string, policy: string) {
  const ran = run(name, policy, '--output', 'json');
  assert.notEqual(ran.stdout, '', ran.stderr);
  return { ...ran, result: JSON.parse(ran.stdout) as VerifyResult };
}
