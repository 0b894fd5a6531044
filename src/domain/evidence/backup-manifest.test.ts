import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  type BackupManifest,
  manifestText,
  readManifest,
  unsignedManifest,
} from './backup-manifest.ts';
import { EvidenceError } from './canonical-json.ts';
import { sha256Hex } from './digest.ts';
import { decodePack, encodePack, packPath } from './input-pack.ts';

const digest = sha256Hex('x');
const manifest: BackupManifest = {
  origin: 'tidegate.dev/ledger/x',
  size: 3,
  root: digest,
  checkpoint: { note: 'a note\n', isKept: true },
  policy: 'quorum none\n',
  settings: { 'witnesses.json': '{}' },
  projections: { index: digest, services: digest },
  madeAtMs: 1_700_000_000_000,
  version: '0.1.0',
  files: [
    { path: 'inputs/000.p/3', sizeBytes: 19, sha256: digest },
    { path: 'tile/entries/000.p/3', sizeBytes: 9, sha256: digest },
  ],
};

test('a manifest comes back as it was written', () => {
  assert.deepEqual(readManifest(textOf(manifest)).manifest, manifest);
});

test('a manifest that was changed at any byte is not read as the same one', () => {
  const bytes = Buffer.from(textOf(manifest));
  const before = readManifest(bytes.toString('latin1'));
  for (const at of bytes.keys()) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    try {
      const { envelope } = readManifest(changed.toString('latin1'));
      const isSame =
        Buffer.compare(envelope.signedBytes, before.envelope.signedBytes) === 0 &&
        Buffer.compare(envelope.signature, before.envelope.signature) === 0 &&
        envelope.keyId === before.envelope.keyId;
      assert.ok(!isSame, `byte ${at}`);
    } catch (error) {
      assert.ok(error instanceof EvidenceError, String(error));
    }
  }
});

const file = { sizeBytes: 1, sha256: digest };
const refused: readonly (readonly [name: string, changes: object, what: RegExp])[] = [
  ['a path that leads out', { files: [{ ...file, path: 'tile/../../x' }] }, /no backup has a file/],
  ['an absolute path', { files: [{ ...file, path: '/etc/passwd' }] }, /no backup has a file/],
  ['a path of another kind', { files: [{ ...file, path: 'keys/x' }] }, /no backup has a file/],
  [
    'a path twice',
    { files: [file, file].map((each) => ({ ...each, path: 'tile/0/000' })) },
    /order/,
  ],
  ['a setting that leads out', { settings: { '../x.json': 'x' } }, /settings have the name/],
  ['a size below 0', { size: -1 }, /size/],
  ['an unknown key', { more: 1 }, /unknown key more/],
];
for (const [name, changes, what] of refused) {
  test(`a manifest with ${name} is refused`, () => {
    assert.throws(
      () => readManifest(textOf({ ...manifest, ...changes })),
      (error) => error instanceof EvidenceError && what.test(error.message),
    );
  });
}

test('a manifest without its last line end was cut off', () => {
  assert.throws(() => readManifest(textOf(manifest).slice(0, -1)), /cut off/);
});

test('a pack gives back what was put in, and stands beside its bundle', () => {
  const inputs = ['', 'a\nb', '\u0000'.repeat(300)].map((text) => {
    const bytes = Buffer.from(text);
    return { sha256: sha256Hex(bytes), bytes };
  });
  assert.deepEqual(decodePack(encodePack(inputs)), inputs);
  assert.deepEqual(decodePack(encodePack([])), []);
  assert.equal(packPath({ index: 1_234, width: 7 }), 'inputs/x001/234.p/7');
});

test('a pack that was changed at any byte or cut off anywhere is refused, but between two inputs', () => {
  const one = encodePack([{ sha256: sha256Hex('one'), bytes: Buffer.from('one') }]);
  const bytes = Buffer.concat([
    one,
    encodePack([{ sha256: digest, bytes: Buffer.from('x') }]).subarray(19),
  ]);
  assert.equal(decodePack(bytes).length, 2);
  for (const at of bytes.keys()) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 4;
    assert.throws(() => decodePack(changed), EvidenceError, `byte ${at}`);
    const isBetween = at === one.length || at === 19;
    if (!isBetween)
      assert.throws(() => decodePack(bytes.subarray(0, at)), EvidenceError, `cut ${at}`);
  }
});

function textOf(of: BackupManifest): string {
  return manifestText(unsignedManifest(of), digest, Buffer.alloc(64, 7));
}
