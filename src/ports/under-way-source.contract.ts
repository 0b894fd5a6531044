import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UnderWaySource } from './under-way-source.ts';

/** A source whose router has instances that answer when they are told to. */
export interface UnderWayUnderTest extends AsyncDisposable {
  readonly source: UnderWaySource;
  /** Begins so many requests to the instance, which keeps them. */
  begin(instanceId: 'a' | 'b', requests: number): void;
  /** Lets the instance answer all it has. */
  answer(instanceId: 'a' | 'b'): void;
  /** Lets some time pass. */
  pass(): Promise<void>;
}

/** What every source of requests under way holds to; see under-way-source.ts. */
export function testUnderWaySource(name: string, make: () => Promise<UnderWayUnderTest>): void {
  const until = async (
    subject: UnderWayUnderTest,
    want: readonly (readonly [string, number])[],
  ): Promise<void> => {
    const seen = () => {
      const { underWay } = subject.source;
      return underWay && [...underWay].toSorted(([one], [other]) => (one < other ? -1 : 1));
    };
    for (let look = 0; look < 1_000; look += 1) {
      if (JSON.stringify(seen()) === JSON.stringify(want)) return;
      await subject.pass();
    }
    assert.deepEqual(seen(), want);
  };

  test(`${name}: requests count from their beginning to their end, by instance`, async () => {
    await using subject = await make();
    await until(subject, []);
    subject.begin('a', 3);
    subject.begin('b', 1);
    await until(subject, [
      ['a', 3],
      ['b', 1],
    ]);
    subject.answer('a');
    await until(subject, [['b', 1]]);
    subject.answer('b');
    await until(subject, []);
  });
}
