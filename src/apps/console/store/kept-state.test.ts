import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forgetKept, readKept, type Shelf, writeKept } from './kept-state.ts';

class MemoryShelf implements Shelf {
  readonly items = new Map<string, string>();
  readonly #charactersMax: number;

  constructor(charactersMax: number) {
    this.#charactersMax = charactersMax;
  }

  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    if (value.length > this.#charactersMax) throw new Error('quota');
    this.items.set(key, value);
  }

  removeItem(key: string): void {
    this.items.delete(key);
  }
}

test('what was kept is read again, with its age', () => {
  const shelf = new MemoryShelf(5_000_000);
  const known = new Map([['/v1/rollouts', { value: { items: [1] }, gotAtMs: 5 }]]);
  writeKept(shelf, known);
  assert.deepEqual(readKept(shelf), known);
  forgetKept(shelf);
  assert.deepEqual(readKept(shelf), new Map());
});

test('of more than fits, the newest are kept, and never a single one that is too large', () => {
  const shelf = new MemoryShelf(5_000_000);
  const text = 'x'.repeat(100_000);
  const many = Array.from({ length: 50 }, (_, index) => [
    `/${index}`,
    { value: text, gotAtMs: index },
  ]);
  writeKept(
    shelf,
    new Map([...(many as []), ['/huge', { value: 'x'.repeat(500_000), gotAtMs: 99 }]]),
  );
  const kept = [...readKept(shelf).keys()];
  assert.equal(kept.length, 19);
  assert.equal(kept[0], '/49');
  assert.ok(!kept.includes('/huge'));
});

test('a browser that is full keeps nothing rather than something older', () => {
  const shelf = new MemoryShelf(100);
  writeKept(shelf, new Map([['/a', { value: 1, gotAtMs: 1 }]]));
  assert.equal(readKept(shelf).size, 1);
  writeKept(shelf, new Map([['/a', { value: 'x'.repeat(200), gotAtMs: 2 }]]));
  assert.equal(readKept(shelf).size, 0);
});

test('what somebody else wrote there is nothing', () => {
  for (const text of ['', '{', 'null', '[1,["a"],["a",{}]]', '"x"']) {
    const shelf = new MemoryShelf(1_000);
    for (const key of ['tidegate.kept']) shelf.setItem(key, text);
    assert.equal(readKept(shelf).size, 0, text);
  }
});
