import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AskedFlags } from '../../domain/flags/check-flags.ts';
import { checkRouteTable } from '../../domain/traffic/routing/check-route-table.ts';
import { parseRouteTable } from './control-message.ts';

const asked = {
  service: 'svc',
  revisionId: 'svc-1',
  tokenSha256: 'ab'.repeat(32),
  flags: [
    {
      key: 'new',
      state: 'ENABLED',
      variants: { on: { deep: [1, null, { a: 'b' }] }, off: {} },
      defaultVariant: 'off',
      targeting: [
        {
          when: [{ attribute: 'a', values: ['x', 1, true] }],
          serve: { kind: 'variant', variant: 'on' },
        },
        {
          when: [],
          serve: {
            kind: 'split',
            shares: [
              { variant: 'on', percent: 0.1 },
              { variant: 'off', percent: 99.9 },
            ],
          },
        },
      ],
      environment: 'production',
    },
  ],
  turns: [{ flag: 'new', variant: 'on', rolloutId: 'svc-2', stepNumber: 2 }],
} as const satisfies AskedFlags;

function read(flags: unknown) {
  return parseRouteTable(JSON.stringify({ version: 1, routes: [], flags }));
}

function faultsOf(...flags: readonly AskedFlags[]): readonly string[] {
  return checkRouteTable({ version: 1, routes: [], flags }).map(
    ({ place, message }) => `${place} ${message}`,
  );
}

test('flags come over the wire as they were, and a table without them has none', () => {
  assert.deepEqual(read([asked]), {
    kind: 'message',
    message: { version: 1, routes: [], flags: [asked] },
  });
  assert.deepEqual(read(undefined), { kind: 'message', message: { version: 1, routes: [] } });
  assert.deepEqual(faultsOf(asked), []);
});

test('another shape is malformed', () => {
  const [flag] = asked.flags;
  const withFlag = (more: object) => ({ ...asked, flags: [{ ...flag, ...more }] });
  const rows: readonly unknown[] = [
    {},
    { ...asked, tokenSha256: 1 },
    withFlag({ state: 'ON' }),
    withFlag({ variants: { on: null } }),
    withFlag({ variants: { on: [1] } }),
    withFlag({ targeting: [{ when: [], serve: { kind: 'none' } }] }),
    withFlag({
      targeting: [{ when: [{ attribute: 'a', values: [{}] }], serve: flag.targeting[0].serve }],
    }),
    { ...asked, turns: [{ flag: 'new' }] },
  ];
  for (const row of rows) assert.equal(read([row]).kind, 'malformed', JSON.stringify(row));
});

test('a table with flags that evaluation could stumble over is refused with its place', () => {
  const [flag] = asked.flags;
  const many = (count: number) =>
    Array.from({ length: count }, (_each, index) => ({ ...flag, key: `f${index}` }));
  const rows: readonly (readonly [Partial<AskedFlags>, RegExp])[] = [
    [{ tokenSha256: 'AB'.repeat(32) }, /^flags\[0\]\.tokenSha256 must be 64 hex digits/],
    [{ flags: [flag, flag] }, /a key is there twice/],
    [{ flags: many(65), turns: [] }, /^flags\[0\]\.flags more than 64/],
    [
      { flags: [{ ...flag, key: '../x' }], turns: [] },
      /^flags\[0\]\.flags\[0\]\.key '\.\.\/x' is no key/,
    ],
    [{ flags: [{ ...flag, variants: { on: true, off: 1 } }] }, /variants must be of one type/],
    [
      { flags: [{ ...flag, variants: {}, targeting: [] }], turns: [] },
      /variants must be of one type/,
    ],
    [{ flags: [{ ...flag, defaultVariant: 'toString' }] }, /there is no variant 'toString'/],
    [
      {
        flags: [
          {
            ...flag,
            targeting: [
              { when: [], serve: { kind: 'split', shares: [{ variant: 'on', percent: 99.9 }] } },
            ],
          },
        ],
      },
      /targeting\[0\]\.split must sum to 100, but is 99\.9/,
    ],
    [
      { turns: [{ ...asked.turns[0], variant: 'blue' }] },
      /^flags\[0\]\.turns\[0\] there is no variant 'blue'/,
    ],
    [{ turns: [{ ...asked.turns[0], flag: 'old' }] }, /of a flag 'old'/],
  ];
  for (const [more, message] of rows) {
    const faults = faultsOf({ ...asked, ...more });
    assert.match(faults[0] ?? 'none', message);
  }
  assert.match(
    faultsOf(asked, { ...asked, revisionId: 'svc-2' })[0] ?? '',
    /is that of another revision/,
  );
});
