import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { MemoryLedgerStore } from '../../src/adapters/memory/memory-ledger-store.ts';
import { openSqliteLedger } from '../../src/adapters/sqlite/sqlite-ledger-store.ts';
import { openLogKeys } from '../../src/adapters/system/log-keys.ts';
import { openSigningKey } from '../../src/adapters/system/signing-key.ts';
import { openRecorder } from '../../src/control/recording/recorder.ts';
import { singleSignatures } from '../../src/domain/evidence/single-signatures.ts';

/**
 * What an auditor does who trusts none of our code: take an entry's bytes apart with plain JSON and base64, build what
 * DSSE says was signed, and ask OpenSSL. Nothing of src/domain/evidence is used on this side.
 */
test('openssl verifies an entry, and refuses it when a byte of the payload is changed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-openssl-'));
  try {
    const [enrolment, decision] = await recordedLeaves(join(folder, 'state'));
    assert.ok(enrolment !== undefined && decision !== undefined);
    const keyEvent = statementOf(enrolment).predicate.data;
    const spki = Buffer.from(keyEvent.publicKey, 'base64');
    const pem = `-----BEGIN PUBLIC KEY-----\n${spki.toString('base64')}\n-----END PUBLIC KEY-----\n`;
    await writeFile(join(folder, 'key.pem'), pem);
    for (const leaf of [enrolment, decision]) {
      assert.match(await opensslSays(folder, leaf, (payload) => payload), /Verified Successfully/);
      const refused = await opensslSays(folder, leaf, (payload) =>
        payload.replace('checkout', 'checkouT').replace('"enrol"', '"enroL"'),
      );
      assert.match(refused, /Verification Failure/);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('the leaf hash is what coreutils say it is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-sha-'));
  try {
    const [, decision, places] = await recordedLeaves(join(folder, 'state'));
    assert.ok(decision !== undefined);
    const input = Buffer.concat([Buffer.of(0), Buffer.from(decision)]);
    const said = execFileSync('sha256sum', { input, encoding: 'utf8' });
    assert.equal(said.slice(0, 64), places);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('openssl verifies each signature of an entry from the files of tidegate ledger signatures', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-signatures-'));
  try {
    const { signer } = await openLogKeys(join(folder, 'keys'));
    const store = new MemoryLedgerStore();
    const signal = AbortSignal.timeout(60_000);
    const clock = { nowMs: () => 1_000, sleep: () => Promise.reject(new Error('not needed')) };
    const recorder = await openRecorder({ store, signer, clock, version: '0.1.0' }, signal);
    const entry = { type: 'decision' as const, subjects: [], idempotencyKey: '1', data: null };
    await recorder.record({ stream: 'rollouts', entries: [entry], blobs: [] }, signal);
    const [, decision] = await Array.fromAsync(store.read({ fromIndex: 0, stream: null }, signal));
    const singles = singleSignatures(decision?.leaf ?? new Uint8Array());
    assert.deepEqual(
      singles.map(({ algorithm }) => algorithm),
      ['ed25519', 'ml-dsa-65'],
    );
    for (const { algorithm, keyId, signature, signedBytes } of singles) {
      const spki = Buffer.from(recorder.keys.spkiOf(keyId) ?? []);
      const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
      await writeFile(join(folder, 'key.pem'), key.export({ type: 'spki', format: 'pem' }));
      await writeFile(join(folder, 'message'), signedBytes);
      await writeFile(join(folder, 'signature'), signature);
      if (algorithm === 'ml-dsa-65' && !hasMlDsa()) {
        t.diagnostic('ML-DSA-65 was not checked: it needs OpenSSL 3.5');
        continue;
      }
      assert.match(opensslOver(folder), /Verified Successfully/, algorithm);
      await writeFile(join(folder, 'message'), Buffer.concat([signedBytes, Buffer.of(0)]));
      assert.match(opensslOver(folder), /Verification Failure/, algorithm);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

function hasMlDsa(): boolean {
  const said = execFileSync('openssl', ['version'], { encoding: 'utf8' });
  const [, major = '', minor = ''] = /^OpenSSL (\d+)\.(\d+)/.exec(said) ?? [];
  return Number(major) > 3 || (Number(major) === 3 && Number(minor) >= 5);
}

function opensslOver(folder: string): string {
  const flags = '-verify -pubin -inkey key.pem -rawin -in message -sigfile signature'.split(' ');
  const run = spawnSync('openssl', ['pkeyutl', ...flags], { cwd: folder, encoding: 'utf8' });
  return run.stdout + run.stderr;
}

interface WireEnvelope {
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly { readonly sig: string }[];
}

interface WireStatement {
  readonly predicate: { readonly data: { readonly publicKey: string } };
}

async function opensslSays(
  folder: string,
  leaf: string,
  change: (payload: string) => string,
): Promise<string> {
  const envelope = JSON.parse(leaf) as WireEnvelope;
  const payload = change(Buffer.from(envelope.payload, 'base64').toString());
  const type = envelope.payloadType;
  const message = `DSSEv1 ${type.length} ${type} ${Buffer.byteLength(payload)} ${payload}`;
  await writeFile(join(folder, 'message'), message);
  await writeFile(
    join(folder, 'signature'),
    Buffer.from(envelope.signatures[0]?.sig ?? '', 'base64'),
  );
  return opensslOver(folder);
}

function statementOf(leaf: string): WireStatement {
  const { payload } = JSON.parse(leaf) as WireEnvelope;
  return JSON.parse(Buffer.from(payload, 'base64').toString()) as WireStatement;
}

/** The enrolment, a decision, and the decision's leaf hash as the recorder gave it. */
async function recordedLeaves(folder: string): Promise<readonly string[]> {
  const signal = AbortSignal.timeout(10_000);
  const signer = await openSigningKey(folder);
  await using store = await openSqliteLedger({ folder, sizeLimitBytes: null }, signal);
  const clock = { nowMs: () => 1_000, sleep: () => Promise.reject(new Error('not needed')) };
  await using recorder = await openRecorder({ store, signer, clock, version: '0.1.0' }, signal);
  const data = { verdict: 'pass', service: 'checkout' };
  const entry = { type: 'decision' as const, subjects: [], idempotencyKey: '1', data };
  const places = await recorder.record({ stream: 'rollouts', entries: [entry], blobs: [] }, signal);
  const entries = await Array.fromAsync(store.read({ fromIndex: 0, stream: null }, signal));
  return [...entries.map(({ leaf }) => Buffer.from(leaf).toString()), places[0]?.leafHash ?? ''];
}
