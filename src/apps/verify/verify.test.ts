import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { inclusionProof } from '../../control/ledger/ledger-proofs.ts';
import { formatProof } from '../../domain/evidence/tlog-proof.ts';
import { parsePolicy } from '../../domain/evidence/trust-policy.ts';
import { exportedLedger, type ExportedLedger } from './exported-ledger.fixture.ts';
import { verifyFolder } from './verify-folder.ts';
import { verifyProof } from './verify-proof.ts';
import type { VerifyResult } from './verify-result.ts';

const COUNT = 700;
const SMALL = 20;
const FLIPS = 300;
const program = join(import.meta.dirname, '..', '..', '..', 'bin', 'tidegate-verify.js');

let folder = '';
let ledger: ExportedLedger;
let small: ExportedLedger;
let alone: ExportedLedger;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-verify-'));
  ledger = await exportedLedger(join(folder, 'keys'), COUNT, {
    seed: 1,
    isWitnessed: true,
    isPaired: true,
  });
  small = await exportedLedger(join(folder, 'keys'), SMALL, { seed: 2, isWitnessed: true });
  alone = await exportedLedger(join(folder, 'keys'), SMALL, { seed: 2, isWitnessed: false });
  await ledger.writeTo(join(folder, 'export'));
  await small.writeTo(join(folder, 'small'));
  await alone.writeTo(join(folder, 'alone'));
  await writeFile(join(folder, 'policy.tlog'), ledger.policyText);
  await writeFile(join(folder, 'small.tlog'), small.policyText);
  await writeFile(join(folder, 'alone.tlog'), alone.policyText);
});

after(() => rm(folder, { recursive: true, force: true }));

test(`the program proves an export of ${COUNT} entries on two cores, and says what is not proven`, () => {
  const { status, stdout } = run(
    'export',
    '--policy',
    'policy.tlog',
    '--workers',
    '2',
    '-o',
    'json',
  );
  const result = JSON.parse(stdout) as VerifyResult;
  assert.equal(status, 0, stdout);
  assert.deepEqual([result.valid, result.entries, result.size], [true, COUNT, COUNT]);
  assert.match(result.proves, /never rewritten unless they all helped: w \(2023/);
});

test('without a witness it says that a rewrite can’t be excluded', () => {
  const { status, stdout } = run('alone', '--policy', 'alone.tlog');
  assert.equal(status, 0, stdout);
  assert.match(
    stdout,
    /nobody outside saw this log: a rewrite by the holder of the key can't be excluded/,
  );
});

const UNUSABLE: readonly (readonly [name: string, args: string[], what: RegExp])[] = [
  ['nothing', [], /name one folder/],
  ['no policy', ['export'], /--policy FILE/],
  [
    'a policy that is none',
    ['export', '--policy', 'export/checkpoint'],
    /cannot use the policy.*line 1/,
  ],
  ['a policy that is not there', ['export', '--policy', 'no.tlog'], /cannot read no.tlog/],
  ['a folder without an export', ['keys', '--policy', 'policy.tlog'], /no such file/],
  ['a proof without its entry', ['x.tlog-proof', '--policy', 'policy.tlog'], /--entry FILE/],
  ['an unknown flag', ['export', '--polcy', 'policy.tlog'], /polcy/],
  ['too many workers', ['export', '--policy', 'policy.tlog', '--workers', '999'], /1-64/],
];

for (const [name, args, what] of UNUSABLE) {
  test(`given ${name}, it exits with 2 and says what to do`, () => {
    const { status, stderr } = run(...args);
    assert.equal(status, 2);
    assert.match(stderr, what);
  });
}

test('a proof of one entry verifies with its bytes, and with no other entry’s', async () => {
  const signal = AbortSignal.timeout(20_000);
  const hashes = await inclusionProof(ledger.store, { index: 300, size: COUNT }, signal);
  const proof = Buffer.from(formatProof({ index: 300n, hashes, note: ledger.note }));
  const entries = await Array.fromAsync(
    ledger.store.read({ fromIndex: 300, stream: null }, signal),
  );
  const [entry, next] = entries.map(({ leaf }) => leaf);
  assert.ok(entry !== undefined && next !== undefined);
  const policy = parsePolicy(ledger.policyText);
  const of = (bytes: Uint8Array, file: Uint8Array = proof) =>
    verifyProof({ proof: file, entry: bytes, policy, strictness: 'strict' });
  const result = of(entry);
  assert.equal(result.valid, true, result.proves);
  assert.match(result.proves, /entry 300 of tidegate\.dev\/ledger\/.* is signed by the log's key/);
  assert.equal(of(next).valid, false);
  const moved = Buffer.from(formatProof({ index: 301n, hashes, note: ledger.note }));
  assert.equal(of(entry, moved).valid, false);
  assert.equal(of(next, moved).valid, false);
  await writeFile(join(folder, 'entry.json'), entry);
  await writeFile(join(folder, 'entry.tlog-proof'), proof);
  const args = ['entry.tlog-proof', '--entry', 'entry.json', '--policy', 'policy.tlog'];
  assert.equal(run(...args).status, 0);
});

/** Each changes a copy of the small export; all of them are to be found. */
const ATTACKS: readonly (readonly [name: string, attack: (target: string) => Promise<void>])[] = [
  [
    'a bundle that is cut off',
    (target) => change(target, 'entries', (bytes) => bytes.subarray(0, -10)),
  ],
  [
    'a bundle with a byte more',
    (target) => change(target, 'entries', (bytes) => Buffer.concat([bytes, Buffer.alloc(1)])),
  ],
  ['an entry in the place of another', (target) => change(target, 'entries', swapFirstTwo)],
  ['an entry left out', (target) => change(target, 'entries', dropFirst)],
  [
    'a tile of other hashes',
    (target) =>
      change(target, '0', (bytes) => Buffer.concat([bytes.subarray(32), bytes.subarray(0, 32)])),
  ],
  ['no tile', (target) => rm(join(target, 'tile', '0'), { recursive: true })],
  ['no bundle', (target) => rm(join(target, 'tile', 'entries'), { recursive: true })],
  [
    'the checkpoint of another ledger',
    (target) => writeFile(join(target, 'checkpoint'), ledger.note),
  ],
  [
    'a checkpoint without its witness',
    (target) => changeNote(target, (lines) => lines.slice(0, -1)),
  ],
  [
    'a checkpoint without one of the log’s keys',
    (target) => changeNote(target, ([first, ...rest]) => [first ?? '', ...rest.slice(1)]),
  ],
  [
    'a checkpoint with a line twice',
    (target) => changeNote(target, (lines) => [...lines, lines.at(-1) ?? '']),
  ],
  [
    'a checkpoint with a line of a stranger',
    (target) => changeNote(target, (lines) => [...lines, '\u2014 stranger AAAAAAAA']),
  ],
  [
    'the entries of a fork',
    async (target) => {
      const fork = await exportedLedger(join(folder, 'keys'), SMALL, {
        seed: 2,
        isWitnessed: true,
        fork: 'other',
      });
      await fork.writeTo(target);
      await writeFile(join(target, 'checkpoint'), small.note);
    },
  ],
];

for (const [name, attack] of ATTACKS) {
  test(`found: ${name}`, async () => {
    const target = join(folder, 'attacked');
    await cp(join(folder, 'small'), target, { recursive: true });
    try {
      assert.equal((await check(target, 'strict')).valid, true);
      await attack(target);
      const result = await check(target, 'strict');
      assert.equal(result.valid, false);
      assert.notEqual(result.problem, null);
    } finally {
      await rm(target, { recursive: true, force: true });
    }
  });
}

test(`${FLIPS} flipped bits anywhere in an export are all found by the strict policy`, async () => {
  const target = join(folder, 'flipped');
  await cp(join(folder, 'small'), target, { recursive: true });
  const files = await filesOf(target);
  let seed = 20_261_121;
  for (let flip = 0; flip < FLIPS; flip += 1) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    const path = files[flip % files.length] ?? '';
    const bytes = await readFile(path);
    const changed = Buffer.from(bytes);
    const bit = seed % (bytes.length * 8);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await writeFile(path, changed);
    const result = await check(target, 'strict');
    assert.equal(result.valid, false, `${path}, bit ${bit}`);
    await writeFile(path, bytes);
  }
  assert.equal((await check(target, 'strict')).valid, true);
});

function check(target: string, strictness: 'strict' | 'lenient'): Promise<VerifyResult> {
  const policy = parsePolicy(small.policyText);
  return verifyFolder({
    folder: target,
    policy,
    strictness,
    workers: 1,
    onProgress: () => undefined,
  });
}

function run(...args: string[]) {
  const options = { cwd: folder, encoding: 'utf8', timeout: 60_000 } as const;
  return spawnSync(process.execPath, [program, ...args], options);
}

async function change(
  target: string,
  level: string,
  how: (bytes: Buffer) => Uint8Array,
): Promise<void> {
  const path = join(target, 'tile', level, '000.p', `${SMALL}`);
  await writeFile(path, how(await readFile(path)));
}

async function changeNote(target: string, how: (lines: string[]) => string[]): Promise<void> {
  const path = join(target, 'checkpoint');
  const [text = '', lines = ''] = (await readFile(path, 'utf8')).split('\n\n');
  await writeFile(path, `${text}\n\n${how(lines.trimEnd().split('\n')).join('\n')}\n`);
}

function swapFirstTwo(bytes: Buffer): Uint8Array {
  const first = 2 + bytes.readUInt16BE(0);
  const second = 2 + bytes.readUInt16BE(first);
  return Buffer.concat([
    bytes.subarray(first, first + second),
    bytes.subarray(0, first),
    bytes.subarray(first + second),
  ]);
}

function dropFirst(bytes: Buffer): Uint8Array {
  return bytes.subarray(2 + bytes.readUInt16BE(0));
}

async function filesOf(target: string): Promise<string[]> {
  const found = await readdir(target, { recursive: true, withFileTypes: true });
  return found.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
}
