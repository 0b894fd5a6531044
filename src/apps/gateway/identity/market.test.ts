import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Market, type MarketPair, marketPairs, marketServices } from './market.fixture.ts';

async function mistakes(market: Market): Promise<readonly MarketPair[]> {
  const wrong: MarketPair[] = [];
  for (const pair of marketPairs()) {
    if ((await market.isServed(pair)) !== pair.isServed) wrong.push(pair);
  }
  return wrong;
}

test('every pair of the market is served or refused as its table says, which was written by hand', async () => {
  const pairs = marketPairs();
  assert.equal(pairs.length, 15 * 10 * 4 * 21);
  assert.equal(pairs.filter(({ isServed }) => isServed).length, 654);
  assert.deepEqual(await mistakes(await Market.open()), []);
});

test('a rule that is left out, turned round or widened is found', async () => {
  const services = marketServices();
  const changed = (service: string, rule: string, change: object | null) =>
    services.map((each) => {
      if (each.name !== service) return each;
      const rules = each.authorization.rules.flatMap((one) => {
        if (one.name !== rule) return [one];
        return change === null ? [] : [{ ...one, ...change }];
      });
      return { ...each, authorization: { ...each.authorization, rules } };
    });
  const planted = [
    changed('orders', 'no-export', null),
    changed('web', 'nothing-internal', { action: 'ALLOW' }),
    changed('search', 'web-searches', { from: [] }),
    changed('payments', 'agents-refund', { when: [] }),
    changed('support', 'office', { action: 'DENY' }),
  ];
  for (const each of planted) {
    assert.notEqual((await mistakes(await Market.open(each))).length, 0);
  }
});
