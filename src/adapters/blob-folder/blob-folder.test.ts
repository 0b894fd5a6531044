import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { blobPath } from '../../domain/evidence/blob-event.ts';
import { sha256Hex } from '../../domain/evidence/digest.ts';
import { blobStoreContract } from '../../ports/blob-store.contract.ts';
import { BlobError } from '../../ports/blob-store.ts';
import { BlobFolder } from './blob-folder.ts';

const { signal } = new AbortController();

blobStoreContract('folder', async (quotaBytes) => {
  const folder = await temporaryFolder();
  const store = await BlobFolder.open(folder.path, { quotaBytes });
  return { store, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
});

test('a blob is a compressed file that only its owner can read, and counts after a restart', async () => {
  await using folder = await temporaryFolder();
  const bytes = Buffer.alloc(100_000, 65);
  const digest = sha256Hex(bytes);
  const store = await BlobFolder.open(folder.path, { quotaBytes: 10_000 });
  await store.put(digest, bytes, signal);
  const { mode, size } = await stat(join(folder.path, blobPath(digest)));
  assert.equal(mode & 0o777, 0o600);
  assert.ok(size < 1_000);
  assert.equal(store.usedBytes, size);
  assert.equal((await BlobFolder.open(folder.path, { quotaBytes: 0 })).usedBytes, size);
});

test('a blob whose file was changed at any byte is damaged, or comes back as it was', async () => {
  await using folder = await temporaryFolder();
  const bytes = Buffer.from('samples of a rollout');
  const digest = sha256Hex(bytes);
  const store = await BlobFolder.open(folder.path, { quotaBytes: 10_000 });
  await store.put(digest, bytes, signal);
  const path = join(folder.path, blobPath(digest));
  const packed = await readFile(path);
  let damaged = 0;
  for (const at of packed.keys()) {
    const changed = Buffer.from(packed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await writeFile(path, changed);
    try {
      assert.deepEqual(Buffer.from((await store.get(digest, signal)) ?? ''), bytes, `byte ${at}`);
    } catch (error) {
      assert.ok(error instanceof BlobError && error.code === 'damaged', String(error));
      damaged += 1;
    }
  }
  assert.ok(damaged > bytes.length);
});

test('what a killed writer left half-written goes at the next opening', async () => {
  await using folder = await temporaryFolder();
  const store = await BlobFolder.open(folder.path, { quotaBytes: 10_000 });
  await store.put(sha256Hex('x'), Buffer.from('x'), signal);
  const part = sha256Hex('x').slice(0, 2);
  await writeFile(join(folder.path, part, `${sha256Hex('y')}.zst.tmp`), 'half');
  await BlobFolder.open(folder.path, { quotaBytes: 10_000 });
  assert.deepEqual(await readdir(join(folder.path, part)), [`${sha256Hex('x')}.zst`]);
});

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'tidegate-blobs-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
