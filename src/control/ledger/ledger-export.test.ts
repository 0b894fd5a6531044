import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assert as assertProperty, asyncProperty, nat } from 'fast-check';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import { exportLines } from '../../domain/evidence/export-format.ts';
import { verifyContinued, verifyExport } from '../../domain/evidence/verify-export.ts';
import type { ExportReport } from '../../domain/evidence/verify-export.ts';
import { openVerification } from '../../domain/evidence/verify-ledger.ts';
import type { Signer } from '../../ports/identity.ts';
import { exportLedger } from './ledger-export.ts';
import { openRecorder } from '../recording/recorder.ts';

const OURS = createMemorySigner(Buffer.alloc(32, 1));
const OTHER = createMemorySigner(Buffer.alloc(32, 2));

/** A ledger of `count` entries as the lines of its export. */
async function linesOf(count: number, signer: Signer = OURS, data = 'x'): Promise<string[]> {
  const store = new MemoryLedgerStore();
  const clock = { nowMs: () => 1_000, sleep: () => Promise.reject(new Error('not needed')) };
  const recorder = await openRecorder({ store, signer, clock, version: '0.1.0' }, signal());
  for (let n = 1; n < count; n += 1) {
    const entry = {
      type: 'gate-result' as const,
      subjects: [],
      idempotencyKey: `${n}`,
      data: { n, data },
    };
    await recorder.record({ stream: `s${n % 3}`, entries: [entry], blobs: [] }, signal());
  }
  return Array.fromAsync(exportLedger(store, signer, signal()));
}

const LINES = await linesOf(8);
const OTHER_LINES = await linesOf(8, OTHER);
const SHORTER = await linesOf(5);

test('an export goes on where an earlier one ended, and only there', async () => {
  const store = new MemoryLedgerStore();
  const clock = { nowMs: () => 1_000, sleep: () => Promise.reject(new Error('not needed')) };
  const recorder = await openRecorder({ store, signer: OURS, clock, version: '0.1.0' }, signal());
  const grow = async (count: number): Promise<void> => {
    for (let n = recorder.size; n < count; n += 1) {
      const entry = { type: 'gate-result' as const, subjects: [], data: { n } };
      const entries = [{ ...entry, idempotencyKey: `${n}` }];
      await recorder.record({ stream: 's', entries, blobs: [] }, signal());
    }
  };
  const options = { trustedKeyId: null };
  await grow(5);
  const ledger = openVerification(options);
  const added = async (from: number, into = ledger): Promise<ExportReport> =>
    verifyContinued(exportLedger(store, OURS, signal(), from), into, options);
  assert.deepEqual([(await added(0)).valid, ledger.entries], [true, 5]);
  assert.deepEqual([(await added(5)).valid, ledger.entries], [true, 5]);
  await grow(9);
  assert.deepEqual([(await added(5)).valid, ledger.entries], [true, 9]);
  const lines = await Array.fromAsync(exportLedger(store, OURS, signal(), 5));
  assert.equal(lines.length, 1 + 4 + 1);
  // With a gap, with entries it has already, and without what came before.
  await grow(12);
  assert.match((await added(10)).proves, /^Nothing is proven: at entry 9/);
  const anew = openVerification(options);
  assert.equal((await added(0, anew)).valid, true);
  assert.equal((await added(11, anew)).valid, false);
  assert.equal((await added(3, openVerification(options))).valid, false);
});

test('an export of a good ledger is valid and says what it proves', async () => {
  const report = await verify(LINES);
  assert.equal(report.firstProblem, null);
  assert.equal(report.entries, 8);
  assert.match(report.origin ?? '', /^tidegate\.dev\/ledger\/[0-9a-f]{64}$/);
  assert.match(
    report.proves,
    /^Proven: these 8 entries .* trusted key .*; not proven: that no later/,
  );
});

test('without a trusted key the report says that a rewritten ledger would look the same', async () => {
  const report = await verify(OTHER_LINES, null);
  assert.equal(report.valid, true);
  assert.match(report.proves, /rewritten with another key \(give the key id/);
});

test('an empty ledger cannot be exported', async () => {
  await assert.rejects(
    Array.fromAsync(exportLedger(new MemoryLedgerStore(), OURS, signal())),
    /it is empty/,
  );
});

const TAMPERED: readonly (readonly [name: string, lines: readonly string[], what: RegExp])[] = [
  ['nothing', [], /trailer is missing/],
  ['only the header', LINES.slice(0, 1), /trailer is missing/],
  ['no entry', [line(0), line(9)], /no entry/],
  ['no header', LINES.slice(1), /unknown key payload/],
  ['the file cut at a line end', LINES.slice(0, 5), /trailer is missing/],
  ['the trailer cut off', LINES.slice(0, -1), /trailer is missing/],
  ['the file cut within a line', [...LINES.slice(0, 5), line(5).slice(0, 100)], /not JSON/],
  ['the last entry left out', LINES.toSpliced(-2, 1), /counts 8 entries, the file has 7/],
  ['an entry left out', LINES.toSpliced(4, 1), /stands at index 3/],
  ['an entry twice', LINES.toSpliced(4, 0, line(4)), /stands at index 4/],
  ['two entries swapped', LINES.with(4, line(5)).with(5, line(4)), /stands at index 3/],
  ['an entry of another key', LINES.with(4, line(4, OTHER_LINES)), /not the one/],
  ['the trailer of a shorter export', LINES.with(9, SHORTER.at(-1) ?? ''), /counts 5 entries/],
  ['the trailer of another key', LINES.with(9, OTHER_LINES.at(-1) ?? ''), /may not sign/],
  ['the header of another ledger', LINES.with(0, line(0, OTHER_LINES)), /another ledger/],
  ['a whole export of another key', OTHER_LINES, /entry 0 enrols key/],
  ['two trailers', [...LINES, LINES.at(-1) ?? ''], /after the trailer/],
  ['an empty line at the end', [...LINES, ''], /after the trailer/],
  ['an empty line between', LINES.toSpliced(4, 0, ''), /not JSON/],
  ['a carriage return', LINES.with(4, `${line(4)}\r`), /canonical/],
  ['a header of a later format', LINES.with(0, line(0).replace('/v1', '/v2')), /format is not/],
  ['a header key twice', LINES.with(0, line(0).replace('{', '{"format":"x",')), /canonical/],
  ['an endless line', LINES.with(4, 'x'.repeat(70_000)), /longer than/],
];

for (const [name, lines, what] of TAMPERED) {
  test(`an export with ${name} is refused`, async () => {
    const report = await verify(lines);
    assert.equal(report.valid, false);
    assert.match(report.firstProblem?.what ?? '', what);
    assert.match(report.proves, /^Nothing is proven/);
  });
}

test('an export cut after any line but the last is refused', async () => {
  for (let kept = 0; kept < LINES.length; kept += 1) {
    assert.equal((await verify(LINES.slice(0, kept))).valid, false, `${kept} lines`);
  }
});

test('any bit of the file changed is found', async () => {
  // 2,000 flips of a 50-entry export are in test/services/ledger-tamper.test.ts.
  const file = Buffer.from(LINES.map((text) => `${text}\n`).join(''));
  await assertProperty(
    asyncProperty(nat(file.length * 8 - 1), async (bit) => {
      const changed = Buffer.from(file);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const report = await verifyExport(exportLines(chunksOf(changed)), {
        trustedKeyId: OURS.keyId,
      });
      assert.equal(report.valid, false, `bit ${bit}`);
    }),
    { seed: 1962, numRuns: 200 },
  );
});

test('lines are the same however the file is cut into chunks', async () => {
  const file = Buffer.from(LINES.map((text) => `${text}\n`).join(''));
  for (const size of [1, 7, 1_000, file.length]) {
    assert.deepEqual(await Array.fromAsync(exportLines(chunksOf(file, size))), LINES, `${size}`);
  }
});

test('a file without any line end is read no further than a line may be long', async () => {
  let chunks = 0;
  async function* endless(): AsyncIterable<Uint8Array> {
    for (; chunks < 1_000; chunks += 1) yield Buffer.alloc(10_000, 0x78);
  }
  const report = await verifyExport(exportLines(endless()), { trustedKeyId: null });
  assert.match(report.firstProblem?.what ?? '', /longer than/);
  assert.ok(chunks < 10, `${chunks} chunks were read`);
});

async function verify(
  lines: readonly string[],
  trustedKeyId: string | null = OURS.keyId,
): Promise<ExportReport> {
  async function* given(): AsyncIterable<string> {
    yield* lines;
  }
  return verifyExport(given(), { trustedKeyId });
}

async function* chunksOf(file: Uint8Array, size = file.length): AsyncIterable<Uint8Array> {
  for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size);
}

function line(number: number, lines: readonly string[] = LINES): string {
  const text = lines[number];
  assert.ok(text !== undefined);
  return text;
}

function signal(): AbortSignal {
  return AbortSignal.timeout(60_000);
}
