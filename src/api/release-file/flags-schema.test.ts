import assert from 'node:assert/strict';
import test from 'node:test';
import { parseReleaseFiles } from './parse-release-files.ts';
import type { ServiceDocument } from './service-document.ts';

function parsed(flags: string, steps = '[50%, 100%]') {
  const text = `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: web }
spec:
  run: { command: [node, server.js] }
  rollout: { steps: ${steps} }
${flags}`;
  return parseReleaseFiles([{ path: '/files/web.yaml', text }]);
}

/** `flags: { new: ... }` on line 7. */
function one(flag: string, steps?: string) {
  return parsed(`  flags: { new: ${flag} }`, steps);
}

function serviceOf(result: ReturnType<typeof parsed>): ServiceDocument {
  assert.deepEqual(result.problems, []);
  return result.services[0] ?? assert.fail('no service');
}

test('flags are read with their rules, and sorted so that their order in a file means nothing', () => {
  const { flags, rollout } = serviceOf(
    parsed(
      `  flags:
    words: { variants: { long: { size: 3, of: [a] }, short: {} }, defaultVariant: short }
    new:
      variants: { on: true, off: false }
      defaultVariant: off
      targeting:
        - { when: { country: [de, at], plan: pro }, variant: on }
        - { when: { beta: true }, split: { on: 12.5%, off: 87.5% } }
      environments: { staging: { defaultVariant: on, targeting: [] }, production: { state: DISABLED } }`,
      '[{ weight: 10%, flags: { words: long, new: on } }, 100%]',
    ),
  );
  assert.deepEqual(flags, [
    {
      key: 'new',
      variants: { on: true, off: false },
      state: 'ENABLED',
      defaultVariant: 'off',
      targeting: [
        {
          when: [
            { attribute: 'country', values: ['de', 'at'] },
            { attribute: 'plan', values: ['pro'] },
          ],
          serve: { kind: 'variant', variant: 'on' },
        },
        {
          when: [{ attribute: 'beta', values: [true] }],
          serve: {
            kind: 'split',
            shares: [
              { variant: 'on', percent: 12.5 },
              { variant: 'off', percent: 87.5 },
            ],
          },
        },
      ],
      environments: {
        staging: { defaultVariant: 'on', targeting: [] },
        production: { state: 'DISABLED' },
      },
    },
    {
      key: 'words',
      variants: { long: { size: 3, of: ['a'] }, short: {} },
      state: 'ENABLED',
      defaultVariant: 'short',
      targeting: [],
      environments: {},
    },
  ]);
  assert.deepEqual(rollout.steps[0]?.flags, [
    { flag: 'new', variant: 'on' },
    { flag: 'words', variant: 'long' },
  ]);
  assert.equal(serviceOf(parsed('')).flags, undefined);
});

const base = 'variants: { on: true, off: false }, defaultVariant: off';

test('what contradicts itself is refused with its place', () => {
  const rows: readonly (readonly [string, string, RegExp])[] = [
    [
      '{ variants: { on: true, off: no }, defaultVariant: on }',
      'no }',
      /"off" is a text, and on is a boolean: all variants/,
    ],
    ['{ variants: {}, defaultVariant: on }', '{}, d', /"variants" must have at least one/],
    [
      '{ variants: { on: [1] }, defaultVariant: on }',
      '[1] }',
      /must be true or false, a text, a number or a mapping/,
    ],
    [
      '{ variants: { on: null }, defaultVariant: on }',
      'null }',
      /must be true or false, a text, a number or a mapping/,
    ],
    ['{ variants: { on: true }, defaultVariant: of }', 'of }', /names "of", which is none of on/],
    [`{ ${base}, state: OFF }`, 'OFF }', /must be ENABLED or DISABLED, not "OFF"/],
    [
      `{ ${base}, targeting: [{ variant: on }] }`,
      '{ variant: on }',
      /has no "when": it would be for everybody/,
    ],
    [
      `{ ${base}, targeting: [{ when: { a: 1 } }] }`,
      '{ when: { a: 1 } }',
      /exactly one of variant and split/,
    ],
    [
      `{ ${base}, targeting: [{ when: { a: 1 }, variant: no }] }`,
      'no }]',
      /names "no", which is none of on, off/,
    ],
    [
      `{ ${base}, targeting: [{ split: { on: 10%, off: 80% } }] }`,
      '{ on: 10%',
      /must sum to 100%, not 90%/,
    ],
    [
      `{ ${base}, targeting: [{ split: { on: 100% } }] }`,
      '{ on: 100%',
      /needs two variants or more/,
    ],
    [
      `{ ${base}, targeting: [{ when: { a: [] }, variant: on }] }`,
      '[] }',
      /"a" must have at least one value/,
    ],
    [`{ ${base}, targeting: [{ when: { a: [1, 1] }, variant: on }] }`, '[1, 1]', /names 1 twice/],
    [
      `{ ${base}, targeting: [{ when: { a: [1, 2] }, variant: on }, { when: { a: 1, b: 2 }, variant: off }] }`,
      '{ when: { a: 1, b',
      /is never reached: rule 1 has everybody/,
    ],
    [
      `{ ${base}, targeting: [{ split: { on: 50%, off: 50% } }, { when: { a: 1 }, variant: on }] }`,
      '{ when: { a: 1 }, v',
      /is never reached: rule 1 has everybody/,
    ],
    [`{ ${base}, environments: { production: {} } }`, '{} }', /says nothing: leave it out/],
    [`{ ${base}, environments: { production: { defaultVariant: x } } }`, 'x }', /names "x"/],
    [`{ ${base}, tags: [] }`, 'tags', /unknown key|tags/],
  ];
  for (const [flag, place, message] of rows) {
    const { problems } = one(flag);
    const [first] = problems;
    assert.equal(problems.length, 1, `${flag}: ${JSON.stringify(problems)}`);
    assert.match(first?.message ?? '', message);
    assert.equal(first?.line, 7);
    const at = first?.sourceLine.slice(first.column - 1) ?? '';
    assert.ok(at.startsWith(place), `${flag}: ${at}`);
  }
});

test('a rule for another value of the same attribute, or for more people, is reached', () => {
  for (const rules of [
    '[{ when: { a: 1 }, variant: on }, { when: { a: 2 }, variant: off }]',
    '[{ when: { a: 1, b: 1 }, variant: on }, { when: { a: 1 }, variant: off }]',
    '[{ when: { a: "1" }, variant: on }, { when: { a: 1 }, variant: off }]',
  ]) {
    serviceOf(one(`{ ${base}, targeting: ${rules} }`));
  }
});

test('a step turns only what it can turn', () => {
  const turn = (variant: string) => `[{ weight: 10%, flags: { new: ${variant} } }, 100%]`;
  const rows: readonly (readonly [string, string, RegExp])[] = [
    [`{ ${base} }`, turn('blue'), /names "blue", which is none of on, off/],
    [`{ ${base} }`, turn('off'), /is off by default: the step would turn nothing/],
    [`{ ${base}, state: DISABLED }`, turn('on'), /is disabled in every environment/],
    [
      `{ ${base}, targeting: [{ split: { on: 50%, off: 50% } }] }`,
      turn('on'),
      /has a rule for everybody/,
    ],
    [
      `{ ${base} }`,
      '[{ weight: 10%, flags: { old: on } }, 100%]',
      /old is no flag of this service/,
    ],
    [`{ ${base} }`, '[{ weight: 10%, flags: {} }, 100%]', /must name at least one flag/],
    [
      `{ ${base} }`,
      '[{ weight: 10%, flags: { new: on } }, { weight: 20%, flags: { new: on } }, 100%]',
      /has been on since an earlier step/,
    ],
  ];
  for (const [flag, steps, message] of rows) {
    const { problems } = one(flag, steps);
    assert.equal(problems.length, 1, `${flag}: ${JSON.stringify(problems)}`);
    assert.match(problems[0]?.message ?? '', message);
    assert.equal(problems[0]?.line, 6);
  }
  serviceOf(
    one(
      `{ ${base}, environments: { staging: { defaultVariant: on } } }`,
      turn('off').replace('off', 'on'),
    ),
  );
  serviceOf(
    one(`{ ${base}, state: DISABLED, environments: { staging: { state: ENABLED } } }`, turn('on')),
  );
  // There and back.
  serviceOf(
    one(
      `{ ${base} }`,
      '[{ weight: 10%, flags: { new: on } }, { weight: 20%, flags: { new: off } }, 100%]',
    ),
  );
});

test('count and size have bounds on both sides', () => {
  const many = (count: number, of: (index: number) => string) =>
    Array.from({ length: count }, (_each, index) => of(index)).join(', ');
  const flags = (count: number) =>
    parsed(`  flags: { ${many(count, (at) => `f${at}: { ${base} }`)} }`);
  const variants = (count: number) =>
    one(`{ variants: { ${many(count, (at) => `v${at}: ${at}`)} }, defaultVariant: v0 }`);
  const rules = (count: number) =>
    one(`{ ${base}, targeting: [${many(count, (at) => `{ when: { a: ${at} }, variant: on }`)}] }`);
  const text = (length: number) =>
    one(`{ variants: { a: ${'x'.repeat(length)} }, defaultVariant: a }`);
  const object = (length: number) =>
    one(`{ variants: { a: { k: ${'x'.repeat(length - 8)} } }, defaultVariant: a }`);
  const key = (length: number) => parsed(`  flags: { ${'k'.repeat(length)}: { ${base} } }`);
  const values = (count: number) =>
    one(`{ ${base}, targeting: [{ when: { a: [${many(count, String)}] }, variant: on }] }`);
  for (const [of, max] of [
    [flags, 64],
    [variants, 16],
    [rules, 16],
    [text, 1024],
    [object, 4096],
    [key, 64],
    [values, 64],
  ] as const) {
    assert.deepEqual(of(max).problems, []);
    assert.equal(of(max + 1).problems.length, 1, `${max + 1}`);
  }
  const large = (count: number) =>
    parsed(
      `  flags: { ${many(count, (at) => `f${at}: { variants: { a: { k: ${'x'.repeat(3900)} } }, defaultVariant: a }`)} }`,
    );
  assert.deepEqual(large(4).problems, []);
  assert.match(large(5).problems[0]?.message ?? '', /characters as JSON, more than 16384/);
  assert.match(parsed('  flags: {}').problems[0]?.message ?? '', /must have 1 to 64 flags, not 0/);
});
