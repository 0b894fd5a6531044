import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryCache } from '../../../adapters/memory/memory-cache.ts';
import { usualCacheRule } from '../../../domain/cache/cache-rule.fixture.ts';
import type { CacheRule } from '../../../domain/cache/cache-rule.ts';
import { storedAnswer } from '../../../domain/cache/stored-answer.fixture.ts';
import type { StoredAnswer } from '../../../domain/cache/stored-answer.ts';
import type { HeaderLookup } from '../../../domain/cache/preconditions.ts';
import type { FoundAnswer } from '../../../ports/cache-store.ts';
import { until } from '../gateway-fixture.ts';
import { FarLayer } from './far-layer.ts';
import { type CacheAnswer, CacheTurn, RouteCache } from './route-cache.ts';

/** A store that answers when the test says so, or not at all. */
class HeldCache extends MemoryCache {
  how: 'at once' | 'held' | 'never' | 'fails' = 'at once';
  asked = 0;
  readonly held: (() => void)[] = [];

  override async get(primary: string, header: HeaderLookup): Promise<FoundAnswer | null> {
    this.asked += 1;
    const found = await super.get(primary, header);
    if (this.how === 'fails') throw new Error('it is on fire');
    if (this.how === 'at once') return found;
    const { promise, resolve } = Promise.withResolvers<FoundAnswer | null>();
    if (this.how === 'held') this.held.push(() => resolve(found));
    return promise;
  }

  override async remove(primaries: readonly string[]): Promise<void> {
    if (this.how === 'fails') throw new Error('it is on fire');
    await super.remove(primaries);
  }
}

const none: HeaderLookup = () => null;
const path = '/a';
const backends = (...ids: readonly string[]) =>
  ids.map((revisionId) => ({ revisionId, weightPercent: 100 / ids.length, endpoints: [] }));

/** One process with a cache that has nothing yet; others may share its store. */
function processOf(store: HeldCache, rule: Partial<CacheRule> = {}) {
  // Never late by itself: the machine may be very slow.
  const far = new FarLayer(store, 600_000);
  const cache = new RouteCache({
    service: 'svc',
    rule: { ...usualCacheRule, ...rule },
    memoryShare: 1,
    far,
    onChanged: () => {},
  });
  cache.apply({ backends: backends('r1') });
  const ask = (turn: CacheTurn, revisionId: string, scheme: 'http' | 'https'): CacheAnswer =>
    cache.ask(
      {
        method: 'GET',
        scheme,
        authority: 'svc',
        path,
        hasBody: false,
        header: none,
        keepHeaders: () => none,
        revisionId,
        isEvidence: false,
      },
      turn,
    );
  /** What it says at last. */
  const get = async (
    revisionId = 'r1',
    scheme: 'http' | 'https' = 'http',
  ): Promise<Exclude<CacheAnswer, { kind: 'wait' }>> => {
    const turn = new CacheTurn();
    for (;;) {
      const answer = ask(turn, revisionId, scheme);
      if (answer.kind !== 'wait') return answer;
      await answer.until;
    }
  };
  /** Fetches it from an instance, as a request does that finds nothing. */
  const fill = async (body: string, revisionId = 'r1'): Promise<void> => {
    const answer = await get(revisionId);
    assert.ok(answer.kind === 'fetch' && answer.errand !== null);
    const { errand } = answer;
    // Beyond the millisecond in which its table came.
    errand.head({ status: 200, fields: [['cache-control', 'max-age=600']] });
    errand.data(Buffer.from(body));
    errand.whole();
    await new Promise((resolve) => setImmediate(resolve));
  };
  const write = (): void => {
    cache.changed('svc', [path]);
  };
  return { cache, get, fill, write };
}

async function bodyOf(process: ReturnType<typeof processOf>, revisionId = 'r1'): Promise<string> {
  const answer = await process.get(revisionId);
  if (answer.kind === 'serve') return Buffer.from(answer.served.answer.body).toString();
  // Nobody is to wait for it.
  if (answer.kind === 'fetch') answer.errand?.failed();
  return answer.kind;
}

/** What happens in one millisecond is taken for older than what its end brings. */
async function nextMs(): Promise<void> {
  const nowMs = Date.now();
  await until(() => Date.now() > nowMs);
}

test('what one process has fetched another one is given, by the same rule only', async () => {
  const store = new HeldCache();
  await processOf(store).fill('one');
  assert.equal(await bodyOf(processOf(store)), 'one');
  for (const rule of [
    { varyBy: ['x-country'] },
    { ignoreQuery: ['ref'] },
    { ttlMaxMs: 1000 },
    { tags: ['new'] },
  ]) {
    assert.equal(await bodyOf(processOf(store, rule)), 'fetch', JSON.stringify(rule));
  }
  assert.equal(await bodyOf(processOf(store, { memoryBytes: 65_536, waitMs: 0 })), 'one');
});

test("another revision's answer, and that of another scheme, is not taken", async () => {
  const store = new HeldCache();
  await processOf(store).fill('one');
  const other = processOf(store);
  other.cache.apply({ backends: backends('r1', 'r2') });
  assert.equal(await bodyOf(other, 'r2'), 'fetch');
  assert.equal((await other.get('r1', 'https')).kind, 'fetch');
});

test('what was removed while the store was asked is not given, and not kept', async () => {
  const store = new HeldCache();
  await processOf(store).fill('old');
  const other = processOf(store);
  store.how = 'held';
  const asked = bodyOf(other);
  await until(() => store.held.length === 1);
  other.write();
  for (const release of store.held) release();
  assert.equal(await asked, 'fetch');
  store.how = 'at once';
  assert.equal(await bodyOf(other), 'fetch');
});

test('who hears of a change takes away what it has put there since', async () => {
  const store = new HeldCache();
  const [one, two] = [processOf(store), processOf(store)];
  // The other has removed it before this one, which did not know yet, has put it.
  two.write();
  await one.fill('old');
  one.write();
  assert.equal(await bodyOf(two), 'fetch');
});

test('what a revision left there before it went is not believed when it comes back', async () => {
  const store = new HeldCache();
  const one = processOf(store);
  await one.fill('old');
  one.cache.apply({ backends: backends('r2') });
  one.write();
  await nextMs();
  one.cache.apply({ backends: backends('r1', 'r2') });
  assert.equal(await bodyOf(one), 'fetch');
  await nextMs();
  await one.fill('new');
  assert.equal(await bodyOf(one), 'new');
});

test('an answer that is larger than the rule lets in is not taken', async () => {
  const store = new HeldCache();
  await processOf(store).fill('x'.repeat(4096));
  assert.equal(await bodyOf(processOf(store, { entryBytesMax: 1024 })), 'fetch');
});

test('a store that fails is not asked for a while, and nobody hears of it', async () => {
  const store = new HeldCache();
  await processOf(store).fill('one');
  store.how = 'fails';
  const other = processOf(store);
  for (let turn = 0; turn < 3; turn += 1) assert.equal(await bodyOf(other), 'fetch');
  assert.equal(other.cache.counts.redisFailures, 3);
  const { asked } = store;
  assert.equal(await bodyOf(other), 'fetch');
  assert.equal(store.asked, asked);
  store.how = 'at once';
  await until(async () => (await bodyOf(other)) === 'one');
});

test('one that is late is not waited for', async () => {
  const store = new HeldCache();
  store.how = 'never';
  const late = new FarLayer(
    {
      ...deadlined(store),
      isReady: true,
    },
    20,
  );
  for (let turn = 0; turn < 3; turn += 1) {
    assert.deepEqual(await late.get('key', none), { kind: 'failed' });
  }
  assert.equal(late.isThere, false);
});

test('after a removal that failed nothing is believed that was put before it', async () => {
  const store = new HeldCache();
  const far = new FarLayer(store, 600_000);
  const put = (answer: StoredAnswer): Promise<void> => store.put('key', { secondary: '', answer });
  await put(storedAnswer({ requestAtMs: Date.now() }));
  assert.equal((await far.get('key', none)).kind, 'found');
  store.how = 'fails';
  far.remove(['key']);
  store.how = 'at once';
  await until(async () => (await far.get('key', none)).kind === 'none');
  await nextMs();
  await put(storedAnswer({ requestAtMs: Date.now() }));
  assert.equal((await far.get('key', none)).kind, 'found');
});

/** As an adapter does: it rejects when the signal says so. */
function deadlined(store: HeldCache) {
  return {
    get: (primary: string, header: HeaderLookup, signal: AbortSignal) =>
      Promise.race([
        store.get(primary, header),
        new Promise<never>((_, reject) => {
          // Node lets a process end that waits for nothing but such a signal.
          const alive = setInterval(() => {}, 1000);
          signal.addEventListener('abort', () => {
            clearInterval(alive);
            reject(new Error('too late'));
          });
        }),
      ]),
    put: () => Promise.resolve(),
    remove: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
