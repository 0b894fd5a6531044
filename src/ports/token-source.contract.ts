import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { TokenAsk } from '../domain/traffic/limits/token-loan.ts';
import type { TokenSource } from './token-source.ts';

/** What every source of tokens has to do; `open` gives one whose buckets may have been used by others under other names. */
export function tokenSourceContract(name: string, open: () => Promise<TokenSource>): void {
  const { signal } = new AbortController();
  const contract = (what: string, run: (source: TokenSource) => Promise<void>): void => {
    test(`${name} tokens: ${what}`, async () => {
      await using source = await open();
      await run(source);
    });
  };
  /** One an hour: none comes back while a test lasts. */
  const asker = (burst: number, client = '') => {
    const key = { scope: `contract ${randomUUID()}`, client };
    const shape = { msPerToken: 3_600_000, burst };
    return (wanted: number, owed = 0): TokenAsk => ({
      key,
      shape,
      owed,
      wanted,
      demand: wanted,
      credit: 0,
    });
  };

  contract('a bucket gives all it has and no more', async (source) => {
    const ask = asker(10);
    let given = 0;
    for (let turn = 0; turn < 40; turn += 1) {
      const [loan] = await source.lend([ask(3)], signal);
      given += loan?.tokens ?? 0;
    }
    assert.equal(given, 10);
    const [empty] = await source.lend([ask(1)], signal);
    assert.ok(empty !== undefined && empty.tokens === 0 && empty.ahead === 0);
    assert.ok(empty.waitMs > 3_500_000 && empty.waitMs <= 3_600_000, `${empty.waitMs}`);
    assert.ok(empty.fullInMs > 35_900_000 && empty.fullInMs <= 36_000_000, `${empty.fullInMs}`);
  });

  contract(
    'what was used without a loan is taken, and what comes back is there',
    async (source) => {
      const ask = asker(4);
      await source.lend([ask(0, 6)], signal);
      assert.equal((await source.lend([ask(1, -2)], signal))[0]?.tokens, 0);
      // Two too many were used and have come back; three more do now.
      let given = 0;
      for (let turn = 0; turn < 20; turn += 1) {
        given += (await source.lend([ask(1, turn === 0 ? -3 : 0)], signal))[0]?.tokens ?? 0;
      }
      assert.equal(given, 3);
    },
  );

  contract('loans come in the order of the asks, each of its own bucket', async (source) => {
    const asks = [asker(1)(1), asker(5)(1), asker(2, 'a client')(1)];
    const loans = await source.lend([...asks, ...asks.slice(0, 1)], signal);
    assert.deepEqual(
      loans.map(({ key }) => key),
      [...asks, ...asks.slice(0, 1)].map(({ key }) => key),
    );
    assert.deepEqual(
      loans.map(({ tokens }) => tokens),
      [1, 1, 1, 0],
    );
  });
}
