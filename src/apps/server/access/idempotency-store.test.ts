import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { IdempotencyStore, keptMs } from './idempotency-store.ts';

async function withFile(use: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-writes-'));
  try {
    await use(join(folder, 'writes.jsonl'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const answer = { status: 200, type: 'application/json', body: '{"outcome":"done"}' };
const open = { isSecret: false };

test('a key is begun once: then it is under way, and then answered; another request under it differs', async () => {
  await withFile(async (path) => {
    await using store = await IdempotencyStore.open(path, 0);
    assert.deepEqual(await store.begin('a', 'x', 0), { kind: 'first' });
    assert.deepEqual(await store.begin('a', 'x', 1), { kind: 'under-way' });
    assert.deepEqual(await store.begin('a', 'y', 1), { kind: 'differs' });
    assert.deepEqual(await store.begin('b', 'x', 1), { kind: 'first' });
    await store.answered('a', answer, open);
    assert.deepEqual(await store.begin('a', 'x', 2), { kind: 'answered', answer });
    assert.deepEqual(await store.begin('a', 'y', 2), { kind: 'differs' });
    assert.deepEqual(await store.begin('a', 'y', keptMs), { kind: 'first' }, 'after a day');
  });
});

test('the next server gives the answer, and says of what was not answered that nobody knows', async () => {
  await withFile(async (path) => {
    {
      await using store = await IdempotencyStore.open(path, 0);
      await store.begin('answered', 'x', 0);
      await store.answered('answered', answer, open);
      await store.begin('cut-off', 'x', 0);
      await store.begin('secret', 'x', 0);
      await store.answered('secret', { ...answer, body: '{"secret":"tdg_1"}' }, { isSecret: true });
      const again = await store.begin('secret', 'x', 1);
      assert.ok(again.kind === 'answered' && again.answer.body !== null, 'this server has it');
    }
    await appendFile(path, '{"key":"half a li');
    assert.equal((await stat(path)).mode & 0o077, 0);
    assert.doesNotMatch(await readFile(path, 'utf8'), /tdg_1/);
    await using next = await IdempotencyStore.open(path, 1_000);
    assert.deepEqual(await next.begin('answered', 'x', 1_000), { kind: 'answered', answer });
    assert.deepEqual(await next.begin('cut-off', 'x', 1_000), { kind: 'not-known' });
    assert.deepEqual(await next.begin('secret', 'x', 1_000), {
      kind: 'answered',
      answer: { ...answer, body: null },
    });
    assert.deepEqual(await next.begin('half a li', 'x', 1_000), { kind: 'first' });
  });
});

test('what is a day old is left out of the file, and long answers are not kept', async () => {
  await withFile(async (path) => {
    {
      await using store = await IdempotencyStore.open(path, 0);
      await store.begin('old', 'x', 0);
      await store.begin('long', 'x', keptMs - 1);
      await store.answered('long', { ...answer, body: 'x'.repeat(100_000) }, open);
    }
    await using next = await IdempotencyStore.open(path, keptMs);
    assert.deepEqual(await next.begin('old', 'other', keptMs), { kind: 'first' });
    const long = await next.begin('long', 'x', keptMs);
    assert.deepEqual(long, { kind: 'answered', answer: { ...answer, body: null } });
    assert.ok((await stat(path)).size < 2_000);
  });
});

test('no more than 10,000 are kept, the newest', async () => {
  await withFile(async (path) => {
    const lines = Array.from({ length: 10_500 }, (_, index) =>
      JSON.stringify({ key: `k${index}`, fingerprint: 'x', atMs: index, answer }),
    );
    await appendFile(path, `${lines.join('\n')}\n`);
    await using store = await IdempotencyStore.open(path, 20_000);
    assert.equal((await store.begin('k10499', 'x', 20_000)).kind, 'answered');
    assert.equal((await store.begin('k0', 'x', 20_000)).kind, 'first');
    assert.equal((await store.begin('k500', 'x', 20_000)).kind, 'first', 'it made room for k0');
  });
});
