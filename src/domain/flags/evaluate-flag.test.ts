import assert from 'node:assert/strict';
import test from 'node:test';
import { evaluateFlag, type FlagContext, readContext } from './evaluate-flag.ts';
import type { Flag, FlagRule, FlagTurn } from './flag.ts';

function flagWith(targeting: readonly FlagRule[], more: Partial<Flag> = {}): Flag {
  const variants = { on: true, off: false };
  return { key: 'new', state: 'ENABLED', variants, defaultVariant: 'off', targeting, ...more };
}

function contextOf(attributes: Readonly<Record<string, unknown>>): FlagContext {
  const context = readContext(attributes);
  return typeof context === 'string' ? assert.fail(context) : context;
}

const german: FlagRule = {
  when: [
    { attribute: 'country', values: ['de', 'at'] },
    { attribute: 'level', values: [1] },
  ],
  serve: { kind: 'variant', variant: 'on' },
};
const tenth: FlagRule = {
  when: [],
  serve: {
    kind: 'split',
    shares: [
      { variant: 'on', percent: 10 },
      { variant: 'off', percent: 90 },
    ],
  },
};
const turn: FlagTurn = { flag: 'new', variant: 'on', rolloutId: 'web-2', stepNumber: 2 };

function said(flag: Flag | undefined, context: object, turns: readonly FlagTurn[] = []): string {
  const answer = evaluateFlag(flag, contextOf({ ...context }), { service: 'web', turns });
  return answer.kind === 'value'
    ? `${answer.variant} ${JSON.stringify(answer.value)} ${answer.reason}`
    : answer.code;
}

test('the first rule that fits decides, then a turn, then the default', () => {
  const rows: readonly (readonly [Flag | undefined, object, readonly FlagTurn[], string])[] = [
    [undefined, {}, [], 'FLAG_NOT_FOUND'],
    [flagWith([], { state: 'DISABLED' }), {}, [turn], 'FLAG_NOT_FOUND'],
    [flagWith([]), {}, [], 'off false STATIC'],
    [flagWith([]), {}, [turn], 'on true STATIC'],
    [flagWith([]), {}, [{ ...turn, flag: 'other' }], 'off false STATIC'],
    [flagWith([german]), {}, [], 'off false DEFAULT'],
    [flagWith([german]), { country: 'de', level: 1 }, [], 'on true TARGETING_MATCH'],
    [flagWith([german]), { country: 'fr', level: 1 }, [], 'off false DEFAULT'],
    [flagWith([german]), { country: 'fr', level: 1 }, [turn], 'on true DEFAULT'],
    // Another type is another value, and what every object has is no attribute.
    [flagWith([german]), { country: 'de', level: '1' }, [], 'off false DEFAULT'],
    [flagWith([german]), { country: ['de'], level: 1 }, [], 'off false DEFAULT'],
    [
      flagWith([{ ...german, when: [{ attribute: 'constructor', values: ['x'] }] }]),
      {},
      [],
      'off false DEFAULT',
    ],
    [flagWith([german, tenth]), { country: 'de', level: 1 }, [], 'on true TARGETING_MATCH'],
    [flagWith([german, tenth]), {}, [turn], 'TARGETING_KEY_MISSING'],
    [flagWith([tenth]), { targetingKey: '' }, [], 'TARGETING_KEY_MISSING'],
    [flagWith([], { defaultVariant: 'toString' }), {}, [], 'GENERAL'],
  ];
  for (const [flag, context, turns, want] of rows) {
    assert.equal(said(flag, context, turns), want, JSON.stringify({ flag, context, turns }));
  }
});

test('a context is an object whose targeting key is a text', () => {
  assert.deepEqual(readContext(undefined), { targetingKey: null, attributes: {} });
  for (const context of [null, 'x', 1, []]) {
    assert.equal(readContext(context), 'the context must be an object');
  }
  assert.equal(readContext({ targetingKey: 7 }), 'targetingKey must be a text');
});

function split(percent: number, key = 'new'): Flag {
  const shares = [
    { variant: 'on', percent },
    { variant: 'off', percent: 100 - percent },
  ];
  return flagWith([{ when: [], serve: { kind: 'split', shares } }], { key });
}

function isOn(flag: Flag, targetingKey: string, service = 'web'): boolean {
  const context = { targetingKey, attributes: {} };
  const answer = evaluateFlag(flag, context, { service, turns: [] });
  assert.equal(answer.kind, 'value');
  return answer.kind === 'value' && answer.value === true;
}

const keys = Array.from({ length: 20_000 }, (_each, index) => `user-${index}`);

test('a split has its share of keys, keeps those it has as it grows, and draws others for another flag or service', () => {
  const at10 = keys.filter((key) => isOn(split(10), key));
  const at30 = keys.filter((key) => isOn(split(30), key));
  // Binomial: five standard deviations are 212 and 324. The hash is fixed, so this is the same in every run.
  assert.ok(Math.abs(at10.length - 2000) < 212, `${at10.length}`);
  assert.ok(Math.abs(at30.length - 6000) < 324, `${at30.length}`);
  const kept = new Set(at30);
  assert.ok(at10.every((key) => kept.has(key)));
  for (const other of [
    keys.filter((key) => isOn(split(10, 'other'), key)),
    keys.filter((key) => isOn(split(10), key, 'shop')),
  ]) {
    const both = other.filter((key) => at10.includes(key)).length;
    assert.ok(
      both > 100 && both < 300,
      `${both} of 2,000 have both; 200 are expected of two draws`,
    );
  }
});

test('who is where is the same for ever', () => {
  const on = keys.slice(0, 40).filter((key) => isOn(split(10), key));
  assert.deepEqual(
    on,
    [10, 18, 19, 24, 27, 29, 33, 34, 38].map((index) => `user-${index}`),
  );
});

test('shares of a tenth of a percent, and of three variants, are exact in their order', () => {
  const shares = [
    { variant: 'a', percent: 0.1 },
    { variant: 'b', percent: 0.2 },
    { variant: 'c', percent: 99.7 },
  ];
  const variants = { a: 'a', b: 'b', c: 'c' };
  const flag = flagWith([{ when: [], serve: { kind: 'split', shares } }], { variants });
  const counts = new Map<string, number>();
  for (const targetingKey of keys) {
    const context = { targetingKey, attributes: {} };
    const answer = evaluateFlag(flag, context, { service: 'web', turns: [] });
    const variant = answer.kind === 'value' ? answer.variant : answer.code;
    counts.set(variant, (counts.get(variant) ?? 0) + 1);
  }
  const [a = 0, b = 0, c = 0] = ['a', 'b', 'c'].map((name) => counts.get(name));
  assert.equal(a + b + c, keys.length);
  assert.ok(a > 5 && a < 45 && b > 15 && b < 75, `${a} ${b} ${c}`);
});
