import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { secondaryKey } from '../domain/cache/cache-key.ts';
import type { HeaderLookup } from '../domain/cache/preconditions.ts';
import { storedAnswer } from '../domain/cache/stored-answer.fixture.ts';
import type { StoredAnswer } from '../domain/cache/stored-answer.ts';
import type { CacheStore } from './cache-store.ts';

const longMs = 3_600_000;

/** What every store of cached answers has to do; `open` gives one that is ready, and that others may have used under other keys. */
export function cacheStoreContract(name: string, open: () => Promise<CacheStore>): void {
  const { signal } = new AbortController();
  const contract = (what: string, run: (store: CacheStore) => Promise<void>): void => {
    test(`${name} cache: ${what}`, async () => {
      await using store = await open();
      assert.ok(store.isReady);
      await run(store);
    });
  };
  const ownKey = (): string => `contract ${randomUUID()}`;
  const none: HeaderLookup = () => null;
  const speaks =
    (language: string): HeaderLookup =>
    (field) =>
      field === 'accept-language' ? language : null;
  const put = async (store: CacheStore, key: string, answer: StoredAnswer, header = none) => {
    const secondary = secondaryKey(answer.vary, header) ?? '';
    await store.put(key, { secondary, answer }, longMs, signal);
  };

  contract('what was put is given as it was, to the last octet', async (store) => {
    const [key, other] = [ownKey(), ownKey()];
    const all = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet));
    const rows = [
      storedAnswer(),
      storedAnswer({ body: all, status: 404, tags: [], fields: [['x-a', 'é \u00ff']] }),
      storedAnswer({ body: Buffer.alloc(0), status: 204 }),
      storedAnswer({ body: Buffer.alloc(1024 * 1024, 'x') }),
    ];
    for (const answer of rows) {
      await put(store, key, answer);
      assert.deepEqual(await store.get(key, none, signal), { secondary: '', answer });
      assert.equal(await store.get(other, none, signal), null);
    }
  });

  contract('each variant is given to those it is for', async (store) => {
    const key = ownKey();
    const vary = ['accept-language'];
    const [german, english] = [
      storedAnswer({ vary, body: Buffer.from('de') }),
      storedAnswer({ vary, body: Buffer.from('en') }),
    ];
    await put(store, key, german, speaks('de'));
    await put(store, key, english, speaks('en'));
    assert.deepEqual((await store.get(key, speaks('de'), signal))?.answer, german);
    assert.deepEqual((await store.get(key, speaks('en'), signal))?.answer, english);
    assert.equal(await store.get(key, speaks('fr'), signal), null);
    assert.equal(await store.get(key, none, signal), null);
  });

  contract('an answer that goes by other fields takes the place of all before', async (store) => {
    const key = ownKey();
    await put(store, key, storedAnswer());
    const answer = storedAnswer({ vary: ['accept-language'] });
    await put(store, key, answer, speaks('de'));
    assert.deepEqual((await store.get(key, speaks('de'), signal))?.answer, answer);
    assert.equal(await store.get(key, none, signal), null);
  });

  contract('what is removed is gone with all its variants, and nothing else is', async (store) => {
    const [key, other] = [ownKey(), ownKey()];
    const answer = storedAnswer({ vary: ['accept-language'] });
    for (const language of ['de', 'en']) await put(store, key, answer, speaks(language));
    await put(store, other, storedAnswer());
    await store.remove([key, ownKey()], signal);
    await store.remove([], signal);
    for (const language of ['de', 'en']) {
      assert.equal(await store.get(key, speaks(language), signal), null);
    }
    assert.notEqual(await store.get(other, none, signal), null);
  });
}
