import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigStore, digestOf } from './config-store.ts';
import { SecretReader } from './secret-source.ts';

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-secrets-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const rows = [
  { name: 'of its owner alone', text: 's3cret\n', mode: 0o600, value: 's3cret' },
  { name: 'that may only be read', text: 's3cret', mode: 0o400, value: 's3cret' },
  { name: 'with two lines', text: 'a\nb\n', mode: 0o600, value: 'a\nb' },
  {
    name: 'of the group',
    text: 's3cret',
    mode: 0o640,
    because: /others may read it \(mode 0640\)/,
  },
  { name: 'of all', text: 's3cret', mode: 0o604, because: /others may read it \(mode 0604\)/ },
  { name: 'without a value', text: '\n', mode: 0o600, because: /it is empty/ },
  { name: 'with a NUL', text: 's3cret\0', mode: 0o600, because: /NUL/ },
  { name: 'at the limit', text: 'x'.repeat(65_536), mode: 0o600, value: 'x'.repeat(65_536) },
  { name: 'over the limit', text: 'x'.repeat(65_537), mode: 0o600, because: /more than 65536/ },
];
for (const { name, text, mode, ...want } of rows) {
  test(`a secret's file ${name} is ${'value' in want ? 'read' : 'refused'}`, () =>
    withFolder(async (folder) => {
      const path = join(folder, 'secret');
      await writeFile(path, text);
      await chmod(path, mode);
      const reader = await SecretReader.open(join(folder, 'key'), {});
      const read = await reader.read({ kind: 'file', path });
      if (want.because === undefined) {
        assert.equal(read.kind === 'secret' ? read.value : read.because, want.value);
      } else {
        assert.match(read.kind === 'refused' ? read.because : read.value, want.because);
        assert.ok(!JSON.stringify(read).includes('s3cret'), 'no word of it');
      }
    }));
}

test('what is no file is refused, and a pipe is not waited for', () =>
  withFolder(async (folder) => {
    const reader = await SecretReader.open(join(folder, 'key'), {});
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', ['-m', '600', pipe]);
    for (const path of [folder, pipe]) {
      const read = await reader.read({ kind: 'file', path });
      assert.match(read.kind === 'refused' ? read.because : '', /no regular file/);
    }
    const missing = await reader.read({ kind: 'file', path: join(folder, 'nowhere') });
    assert.equal(missing.kind === 'refused' ? missing.because : '', 'ENOENT');
  }));

test('a digest tells whether a value is the same, by a key that stays and that no other server has', () =>
  withFolder(async (folder) => {
    const one = await SecretReader.open(join(folder, 'key'), { A: 'value' });
    const again = await SecretReader.open(join(folder, 'key'), {});
    const other = await SecretReader.open(join(folder, 'other'), {});
    assert.equal((await stat(join(folder, 'key'))).mode & 0o777, 0o600);
    assert.equal(one.digestOf('value'), again.digestOf('value'));
    assert.notEqual(one.digestOf('value'), one.digestOf('valuf'));
    assert.notEqual(one.digestOf('value'), other.digestOf('value'));
    const source = { kind: 'environment', name: 'A' } as const;
    const reference = { source, digest: one.digestOf('value') };
    assert.deepEqual(await one.valuesOf({ B: reference }), { B: 'value' });
    assert.match(
      JSON.stringify(await again.valuesOf({ B: reference })),
      /the server has no such variable/,
    );
    const changed = { source, digest: one.digestOf('before') };
    assert.match(JSON.stringify(await one.valuesOf({ B: changed })), /secret B .* is not the one/);
  }));

test('config files are laid out as they were put, anew each time, and never when they differ', () =>
  withFolder(async (folder) => {
    const store = await ConfigStore.open(join(folder, 'config'));
    const bytes = Buffer.from('{"a":1}');
    const sha256 = await store.put(bytes);
    assert.equal(await store.put(bytes), sha256);
    const file = { name: 'a.json', sha256, sizeBytes: bytes.length };
    const laid = await store.lay('shop-1', [file]);
    assert.ok(typeof laid !== 'string');
    // What an instance does to its own is not there at its next start, and reaches no other.
    await writeFile(join(laid.folder, 'a.json'), 'changed');
    await writeFile(join(laid.folder, 'more'), 'left');
    const again = await store.lay('shop-1', [file]);
    assert.ok(typeof again !== 'string');
    const text = execFileSync('ls', [again.folder], { encoding: 'utf8' });
    assert.equal(text, 'a.json\n');
    const unknown = { ...file, sha256: digestOf(Buffer.from('never put')) };
    assert.match(JSON.stringify(await store.lay('shop-2', [unknown])), /a\.json is not kept here/);
    await writeFile(join(folder, 'config', 'contents', sha256), 'planted');
    assert.match(JSON.stringify(await store.lay('shop-3', [file])), /is not what it was/);
    // Putting it again mends it.
    await store.put(bytes);
    assert.ok(typeof (await store.lay('shop-3', [file])) !== 'string');
  }));
