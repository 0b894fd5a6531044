import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../traffic/seeded-random.ts';
import { FrequencySketch, keyHash } from './frequency-sketch.ts';
import { TinyLfu } from './tiny-lfu.ts';

test('the weights together never exceed the bound, and what is evicted is told once', () => {
  const random = seededRandom(7);
  const there = new Map<string, number>();
  const lfu = new TinyLfu<number>(10_000, 200, (key, weight) => {
    assert.equal(there.get(key), weight);
    there.delete(key);
  });
  for (let turn = 0; turn < 20_000; turn += 1) {
    const key = `k${Math.floor(random() ** 3 * 1000)}`;
    const what = random();
    if (what < 0.5) assert.equal(lfu.get(key), there.get(key) ?? null);
    else if (what < 0.95) {
      const weight = 1 + Math.floor(random() * 300);
      there.set(key, weight);
      const isIn = lfu.set(key, weight, weight);
      assert.equal(isIn, there.has(key));
    } else {
      assert.equal(lfu.delete(key), there.has(key));
      there.delete(key);
    }
    assert.ok(lfu.weight <= 10_000, `${lfu.weight}`);
    assert.equal(lfu.size, there.size);
  }
  const weight = [...there.values()].reduce((sum, each) => sum + each, 0);
  assert.equal(lfu.weight, weight);
});

test('what is heavier than all is not taken, and pushes nothing out', () => {
  const lfu = new TinyLfu<number>(100, 10);
  lfu.set('a', 1, 10);
  assert.equal(lfu.set('b', 2, 101), false);
  assert.equal(lfu.get('a'), 1);
});

test('a scan of keys asked for once does not push out what is asked for again and again', () => {
  const lfu = new TinyLfu<number>(1000, 1000);
  for (let round = 0; round < 5; round += 1) {
    for (let key = 0; key < 500; key += 1) {
      if (lfu.get(`hot${key}`) === null) lfu.set(`hot${key}`, key, 1);
    }
  }
  for (let key = 0; key < 5000; key += 1) {
    if (lfu.get(`scan${key}`) === null) lfu.set(`scan${key}`, key, 1);
  }
  let hot = 0;
  for (let key = 0; key < 500; key += 1) if (lfu.peek(`hot${key}`) !== null) hot += 1;
  assert.ok(hot > 450, `${hot} of 500 are left`);
});

test('on a Zipf load of s = 1.0 it comes near the best that is possible, and passes LRU', () => {
  const keys = 10_000;
  const room = 500;
  const sums: number[] = [];
  for (let rank = 1; rank <= keys; rank += 1) sums.push((sums.at(-1) ?? 0) + 1 / rank);
  const total = sums.at(-1) ?? 1;
  const best = (sums[room - 1] ?? 0) / total;
  const random = seededRandom(11);
  const lfu = new TinyLfu<number>(room, room);
  const lru = new Map<number, true>();
  const hits = { lfu: 0, lru: 0 };
  const asks = 200_000;
  for (let ask = 0; ask < asks; ask += 1) {
    const key = rankOf(sums, random() * total);
    const isCounted = ask >= asks / 2;
    if (lfu.get(String(key)) === null) lfu.set(String(key), key, 1);
    else if (isCounted) hits.lfu += 1;
    if (lru.delete(key) && isCounted) hits.lru += 1;
    lru.set(key, true);
    if (lru.size > room) lru.delete(lru.keys().next().value ?? 0);
  }
  const [lfuRatio, lruRatio] = [hits.lfu / (asks / 2), hits.lru / (asks / 2)];
  assert.ok(lfuRatio > best - 0.06, `${lfuRatio} of at most ${best}`);
  assert.ok(lfuRatio > lruRatio + 0.03, `${lfuRatio}, LRU ${lruRatio}`);
});

function rankOf(sums: readonly number[], at: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sums[middle] ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

test('counts fade, so that what was popular once can go', () => {
  const sketch = new FrequencySketch(64);
  const old = keyHash('old');
  for (let ask = 0; ask < 20; ask += 1) sketch.add(old);
  const before = sketch.count(old);
  assert.ok(before >= 15, `${before}`);
  for (let ask = 0; ask < 5000; ask += 1) sketch.add(keyHash(`other${ask}`));
  assert.ok(sketch.count(old) < before / 2, `${sketch.count(old)}`);
});
