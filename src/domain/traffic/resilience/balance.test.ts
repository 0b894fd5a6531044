import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  attemptEnded,
  type Balance,
  type BalanceSettings,
  newBalance,
  pickInstance,
  pickOther,
  setEndpoints,
} from './balance.ts';
import { seededRandom } from '../seeded-random.ts';
import {
  type OutlierDetection,
  usualLoadBalancing,
  usualOutlierDetection,
} from './traffic-policy.ts';

const steady = { ...usualLoadBalancing, slowStartMs: 0 };

function endpoints(names: string, zones = '') {
  return names.split('').map((instanceId, index) => {
    const zone = zones[index];
    return { instanceId, host: 'h', port: 1, ...(zone === undefined ? {} : { zone }) };
  });
}

function balanceOf(names: string, change: Partial<BalanceSettings> = {}, zones = ''): Balance {
  const settings = { loadBalancing: steady, outlierDetection: null, zone: null, ...change };
  const balance = newBalance(settings);
  setEndpoints(balance, endpoints(names, zones), settings);
  return balance;
}

/** Names of the next picks, with nothing under way. */
function picks(balance: Balance, count: number, nowMs = 0, random = seededRandom(1)): string {
  let picked = '';
  for (let pick = 0; pick < count; pick += 1) {
    const instance = balance.instances[pickInstance(balance, nowMs, random)];
    picked += instance?.endpoint.instanceId ?? '-';
  }
  return picked;
}

function countOf(picked: string, name: string): number {
  return picked.split(name).length - 1;
}

function outlier(change: Partial<OutlierDetection> = {}): { outlierDetection: OutlierDetection } {
  return { outlierDetection: { ...usualOutlierDetection, ...change } };
}

function end(balance: Balance, name: string, outcome: 'success' | 'gateway-error', nowMs: number) {
  const instance = balance.instances.find(({ endpoint }) => endpoint.instanceId === name);
  assert.ok(instance !== undefined);
  return attemptEnded(balance, instance, { outcome, startedMs: nowMs, nowMs });
}

function fail(balance: Balance, name: string, times: number, nowMs: number): void {
  for (let time = 0; time < times; time += 1) end(balance, name, 'gateway-error', nowMs);
}

test('without load instances take turns, also over tables', () => {
  const balance = balanceOf('abc');
  assert.equal(picks(balance, 7), 'abcabca');
  setEndpoints(balance, endpoints('abcd'), balance.settings);
  assert.equal(picks(balance, 5), 'bcdab');
  assert.equal(picks(balanceOf(''), 1), '-');
  assert.equal(picks(balanceOf('a'), 2), 'aa');
});

test('a slow instance gets less, by least-request and not by round-robin', () => {
  const share = (algorithm: 'least-request' | 'round-robin'): number => {
    const balance = balanceOf('abcd', { loadBalancing: { ...steady, algorithm } });
    const random = seededRandom(7);
    const ends: { atMs: number; index: number }[] = [];
    let slow = 0;
    for (let nowMs = 0; nowMs < 2000; nowMs += 1) {
      for (const done of ends.filter(({ atMs }) => atMs === nowMs)) {
        const instance = balance.instances[done.index];
        if (instance !== undefined) instance.underWay -= 1;
      }
      const index = pickInstance(balance, nowMs, random);
      const instance = balance.instances[index];
      assert.ok(instance !== undefined);
      instance.underWay += 1;
      // 'a' takes 40 ms, the others 4.
      ends.push({ atMs: nowMs + (index === 0 ? 40 : 4), index });
      if (index === 0) slow += 1;
    }
    return slow / 2000;
  };
  assert.equal(share('round-robin'), 0.25);
  const share2 = share('least-request');
  assert.ok(share2 < 0.12, `${share2}`);
});

test('of equally loaded instances none is preferred by chance', () => {
  const balance = balanceOf('abcde');
  const picked = picks(balance, 1000);
  for (const name of 'abcde') assert.equal(countOf(picked, name), 200);
});

test('a new instance has a tenth of its share at first and all of it in the end; all new ones have theirs at once', () => {
  const balance = balanceOf('ab', { loadBalancing: { ...steady, slowStartMs: 10_000 } });
  assert.equal(picks(balance, 4, 0), 'abab');
  picks(balance, 1, 20_000);
  setEndpoints(balance, endpoints('abc'), balance.settings);
  const shareAt = (nowMs: number): number => countOf(picks(balance, 300, nowMs), 'c');
  const [first, half, last] = [shareAt(20_001), shareAt(25_001), shareAt(30_002)];
  assert.ok(first >= 12 && first <= 16, `${first}`);
  assert.ok(half >= 55 && half <= 65, `${half}`);
  assert.equal(last, 100);
});

test('five failures in a row eject an instance, a success between them does not', () => {
  const balance = balanceOf('abc', outlier());
  fail(balance, 'b', 4, 0);
  end(balance, 'b', 'success', 0);
  fail(balance, 'b', 4, 0);
  assert.equal(picks(balance, 3), 'abc');
  fail(balance, 'b', 1, 0);
  assert.equal(picks(balance, 4), 'acac');
});

test('an ejected instance gets one trial: its failure ejects it for twice as long, its success lets it in', () => {
  const balance = balanceOf('abc', outlier());
  fail(balance, 'b', 5, 0);
  assert.equal(countOf(picks(balance, 10, 29_999), 'b'), 0);
  assert.equal(countOf(picks(balance, 10, 30_000), 'b'), 1);
  fail(balance, 'b', 1, 30_100);
  assert.equal(countOf(picks(balance, 10, 90_099), 'b'), 0);
  assert.equal(countOf(picks(balance, 10, 90_100), 'b'), 1);
  assert.equal(end(balance, 'b', 'success', 90_200), 'readmitted');
  assert.equal(countOf(picks(balance, 9, 90_300), 'b'), 3);
});

test('an ejection lasts five minutes at most, and is shorter again after intervals served well', () => {
  const rule = outlier();
  const balance = balanceOf('abc', rule);
  const health = balance.instances[1]?.health;
  assert.ok(health !== undefined);
  let nowMs = 0;
  fail(balance, 'b', 5, nowMs);
  for (let trial = 0; trial < 20; trial += 1) {
    nowMs = health.untilMs;
    assert.ok(picks(balance, 1, nowMs) === 'b');
    fail(balance, 'b', 1, nowMs);
  }
  assert.equal(health.untilMs - nowMs, 300_000);
  assert.equal(health.ejections, 21);
  nowMs = health.untilMs;
  picks(balance, 1, nowMs);
  end(balance, 'b', 'success', nowMs);
  for (let interval = 1; interval <= 30; interval += 1) {
    end(balance, 'b', 'success', nowMs + interval * 10_000);
  }
  nowMs += 400_000;
  fail(balance, 'b', 5, nowMs);
  assert.equal(health.untilMs - nowMs, 30_000);
});

test('requests that began before an ejection or a trial do not end it', () => {
  const balance = balanceOf('abc', outlier());
  const [, instance] = balance.instances;
  assert.ok(instance !== undefined);
  fail(balance, 'b', 5, 1000);
  const late = { outcome: 'success', startedMs: 900, nowMs: 2000 } as const;
  assert.equal(attemptEnded(balance, instance, late), 'unchanged');
  picks(balance, 1, 31_000);
  assert.equal(attemptEnded(balance, instance, { ...late, nowMs: 31_001 }), 'unchanged');
  assert.equal(instance.health.standing, 'trial');
});

test('a trial whose caller leaves, or that never ends, is followed by another one', () => {
  const balance = balanceOf('abc', outlier());
  fail(balance, 'b', 5, 0);
  assert.equal(picks(balance, 1, 30_000), 'b');
  const [, instance] = balance.instances;
  assert.ok(instance !== undefined);
  attemptEnded(balance, instance, { outcome: 'none', startedMs: 30_000, nowMs: 30_010 });
  assert.equal(picks(balance, 1, 30_010), 'b');
  assert.equal(countOf(picks(balance, 10, 60_000), 'b'), 0);
  assert.equal(countOf(picks(balance, 10, 60_010), 'b'), 1);
});

test('how many may be ejected', () => {
  const rows: readonly (readonly [names: string, percent: number, out: number])[] = [
    ['a', 100, 0],
    ['ab', 50, 1],
    ['ab', 10, 1],
    ['ab', 0, 0],
    ['abc', 50, 1],
    ['abcd', 50, 2],
    ['abcdefghij', 30, 3],
    ['abc', 100, 3],
  ];
  for (const [names, maxEjectionPercent, out] of rows) {
    const balance = balanceOf(names, outlier({ maxEjectionPercent }));
    for (const name of names) fail(balance, name, 5, 0);
    const ejected = balance.instances.filter(({ health }) => health.standing === 'ejected');
    assert.equal(ejected.length, out, `${names} ${maxEjectionPercent}`);
  }
});

test('when fewer are left than the panic threshold, all are used, and who serves well is back', () => {
  const balance = balanceOf('abcd', outlier({ maxEjectionPercent: 100 }));
  fail(balance, 'a', 5, 0);
  fail(balance, 'b', 5, 0);
  assert.equal(picks(balance, 4), 'cdcd');
  assert.equal(balance.isPanicking, false);
  fail(balance, 'c', 5, 0);
  assert.equal(picks(balance, 4).split('').sort().join(''), 'abcd');
  assert.equal(balance.isPanicking, true);
  assert.equal(end(balance, 'a', 'success', 1), 'readmitted');
  assert.equal(countOf(picks(balance, 4, 2), 'b'), 0);
  for (const name of 'ad') fail(balance, name, 5, 3);
  assert.equal(picks(balance, 4, 4).split('').sort().join(''), 'abcd');
});

test('instances in the own zone are preferred until too few of them are well', () => {
  const zoned = { zone: 'x', ...outlier({ maxEjectionPercent: 100, panicThresholdPercent: 0 }) };
  const balance = balanceOf('abcdefgh', zoned, 'xxxxyyyy');
  const far = (): number =>
    picks(balance, 1000)
      .split('')
      .filter((name) => name >= 'e').length;
  assert.equal(far(), 0);
  // 3 of 4 are more than 1/1.4; 2 of 4 leave 1 - 1.4 / 2.
  fail(balance, 'a', 5, 0);
  assert.equal(far(), 0);
  fail(balance, 'b', 5, 0);
  const spilled = far();
  assert.ok(Math.abs(spilled - 300) <= 1, `${spilled}`);
  fail(balance, 'c', 5, 0);
  fail(balance, 'd', 5, 0);
  assert.equal(far(), 1000);
  setEndpoints(balance, endpoints('efgh', 'yyyy'), balance.settings);
  assert.equal(far(), 1000);
});

test('zones count only where the gateway has one and is asked to prefer it', () => {
  const rows: readonly (readonly [
    zone: string | null,
    zones: 'prefer-local' | 'ignore',
    want: string,
  ])[] = [
    ['x', 'prefer-local', 'aaaa'],
    ['x', 'ignore', 'abab'],
    ['z', 'prefer-local', 'abab'],
    [null, 'prefer-local', 'abab'],
  ];
  for (const [zone, zones, want] of rows) {
    const balance = balanceOf('ab', { zone, loadBalancing: { ...steady, zones } }, 'xy');
    assert.equal(picks(balance, 4), want, `${zone} ${zones}`);
  }
});

test('a retry goes to another instance that serves, elsewhere if need be', () => {
  const balance = balanceOf('abc', { zone: 'x', ...outlier({ panicThresholdPercent: 0 }) }, 'xxy');
  const [a, b] = balance.instances;
  assert.ok(a !== undefined && b !== undefined);
  const other = (from: Balance, not: typeof a, random = 0): number =>
    pickOther(from, { not, nowMs: 0, random: () => random });
  assert.equal(other(balance, a), 1);
  assert.equal(other(balance, a, 0.99), 1);
  assert.equal(picks(balance, 2), 'ab');
  other(balance, a);
  assert.equal(picks(balance, 2), 'ab');
  fail(balance, 'b', 5, 0);
  assert.equal(other(balance, a), 2);
  const alone = balanceOf('a');
  const [only] = alone.instances;
  assert.ok(only !== undefined);
  assert.equal(other(alone, only), -1);
});

test('what leaves, or is ejected by nobody any more, is told', () => {
  const balance = balanceOf('abcd', outlier());
  fail(balance, 'a', 5, 0);
  fail(balance, 'b', 5, 0);
  const told = (names: string, change: Partial<BalanceSettings>): string =>
    setEndpoints(balance, endpoints(names), { ...balance.settings, ...change })
      .map(({ endpoint }) => endpoint.instanceId)
      .join('');
  assert.equal(told('abcd', {}), '');
  assert.equal(told('bcd', {}), 'a');
  assert.equal(told('bcd', { outlierDetection: null }), 'b');
  assert.equal(picks(balance, 3, 1).length, 3);
  assert.equal(told('bcd', outlier()), '');
});
