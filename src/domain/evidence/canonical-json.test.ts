import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  array,
  assert as assertProperty,
  constantFrom,
  dictionary,
  double,
  integer,
  jsonValue,
  letrec,
  oneof,
  property,
  string,
} from 'fast-check';

import { canonicalJson, EvidenceError, MAX_DEPTH, parseCanonicalJson } from './canonical-json.ts';
import type { JsonValue } from './canonical-json.ts';

/** RFC 8785 appendix B: the bits of a double, big-endian hex, and its form. */
const NUMBER_VECTORS: readonly (readonly [bits: string, form: string])[] = [
  ['0000000000000000', '0'],
  ['8000000000000000', '0'],
  ['0000000000000001', '5e-324'],
  ['8000000000000001', '-5e-324'],
  ['7fefffffffffffff', '1.7976931348623157e+308'],
  ['ffefffffffffffff', '-1.7976931348623157e+308'],
  ['4340000000000000', '9007199254740992'],
  ['c340000000000000', '-9007199254740992'],
  ['4430000000000000', '295147905179352830000'],
  ['44b52d02c7e14af5', '9.999999999999997e+22'],
  ['44b52d02c7e14af6', '1e+23'],
  ['44b52d02c7e14af7', '1.0000000000000001e+23'],
  ['444b1ae4d6e2ef4e', '999999999999999700000'],
  ['444b1ae4d6e2ef4f', '999999999999999900000'],
  ['444b1ae4d6e2ef50', '1e+21'],
  ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
  ['3eb0c6f7a0b5ed8d', '0.000001'],
  ['41b3de4355555553', '333333333.3333332'],
  ['41b3de4355555554', '333333333.33333325'],
  ['41b3de4355555555', '333333333.3333333'],
  ['41b3de4355555556', '333333333.3333334'],
  ['41b3de4355555557', '333333333.33333343'],
  ['becbf647612f3696', '-0.0000033333333333333333'],
  ['43143ff3c1cb0959', '1424953923781206.2'],
];

test('numbers have the forms of RFC 8785 appendix B', () => {
  for (const [bits, form] of NUMBER_VECTORS) {
    assert.equal(canonicalJson(Buffer.from(bits, 'hex').readDoubleBE()), form, bits);
  }
});

test('the sample of RFC 8785 section 3.2.2 has the form of section 3.2.3', () => {
  const sample = `{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
    "literals": [null, true, false]
  }`;
  assert.equal(
    canonicalJson(JSON.parse(sample)),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
      '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

test('keys are ordered by UTF-16 code units, as in RFC 8785 section 3.2.3', () => {
  const sample = {
    '\u20ac': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Hebrew Letter Dalet With Dagesh',
    '1': 'One',
    '\ud83d\ude00': 'Emoji: Grinning Face',
    '\u0080': 'Control',
    '\u00f6': 'Latin Small Letter O With Diaeresis',
  };
  const wanted = ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33'];
  assert.deepEqual(
    Array.from(canonicalJson(sample).matchAll(/"([^"]+)":/g), (m) => m[1]),
    ['\\r', ...wanted.slice(1)],
  );
});

const loop: Record<string, unknown> = {};
loop['self'] = loop;

const REFUSED: readonly (readonly [name: string, value: unknown])[] = [
  ['NaN', Number.NaN],
  ['Infinity', [Number.POSITIVE_INFINITY]],
  ['BigInt', { a: 1n }],
  ['undefined', undefined],
  ['an undefined field', { a: undefined }],
  ['a hole', Object.assign([1], { length: 2 })],
  ['a function', { toJSON: () => 'other' }],
  ['a symbol', Symbol('s')],
  ['a lone high surrogate', 'a\ud83d'],
  ['a lone low surrogate', ['\ude00a']],
  ['surrogates the wrong way round', '\ude00\ud83d'],
  ['a lone surrogate in a key', { '\ud83d': 1 }],
  ['a date', new Date(0)],
  ['a map', new Map()],
  ['a cycle', loop],
];

for (const [name, value] of REFUSED) {
  test(`${name} has no canonical form`, () => {
    assert.throws(() => canonicalJson(value), EvidenceError);
  });
}

const NOT_CANONICAL: readonly (readonly [name: string, text: string])[] = [
  ['a duplicate key', '{"a":1,"a":1}'],
  ['keys out of order', '{"b":1,"a":2}'],
  ['white space', '{"a": 1}'],
  ['a final line feed', '1\n'],
  ['an escape that is not needed', '"\\u0041"'],
  ['an upper-case escape', '"\\u000F"'],
  ['minus zero', '-0'],
  ['a long exponent', '1e021'],
  ['more digits than a double has', '0.10000000000000000001'],
  ['a whole number beyond 2^53', '9007199254740993'],
  ['an escaped lone surrogate', '"\\ud83d"'],
  ['a byte order mark', '\ufeff1'],
  ['nothing', ''],
  ['half an object', '{"a":1'],
];

for (const [name, text] of NOT_CANONICAL) {
  test(`${name} is refused when reading`, () => {
    assert.throws(() => parseCanonicalJson(text), EvidenceError);
  });
}

test('nesting is accepted up to the limit and refused beyond', () => {
  const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  assert.equal(canonicalJson(JSON.parse(nested(MAX_DEPTH + 1))), nested(MAX_DEPTH + 1));
  assert.throws(() => parseCanonicalJson(nested(MAX_DEPTH + 2)), /nested deeper/);
  assert.throws(() => parseCanonicalJson(nested(30_000)), /nested deeper/);
});

test('a key named __proto__ is a key like any other', () => {
  assert.deepEqual(
    canonicalJson(parseCanonicalJson('{"__proto__":{"a":1}}')),
    '{"__proto__":{"a":1}}',
  );
});

test('the canonical form is stable, keeps the value and does not depend on the order of keys', () => {
  assertProperty(
    property(jsonValue(), (value) => {
      const text = canonicalJson(value);
      assert.equal(canonicalJson(parseCanonicalJson(text)), text);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
      assert.equal(canonicalJson(reversed(value)), text);
    }),
    { seed: 8785, numRuns: 300 },
  );
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, reversed(item)] as const);
  return Object.fromEntries(entries.reverse());
}

/** RFC 8785 section 3.2 word for word, without any shortcut. */
function plainly(value: JsonValue): string {
  if (typeof value === 'string' && !value.isWellFormed()) throw new EvidenceError('surrogate');
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(plainly).join(',')}]`;
  const fields = Object.entries(value).map(([key, field]) => [plainly(key), field, key] as const);
  fields.sort(([, , a], [, , b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${key}:${plainly(field)}`).join(',')}}`;
}

test('what is written is what the rules say, word for word, also of odd keys and many of them', () => {
  const text = string({ unit: 'binary', maxLength: 4 });
  const odd = constantFrom('10', '9', '0', '-1', '__proto__', 'toJSON', '\\ud800', '\ud800', '');
  const { value } = letrec<{ value: JsonValue; leaf: JsonValue; object: JsonValue }>((tie) => ({
    value: oneof({ depthSize: 'small' }, tie('leaf'), array(tie('value')), tie('object')),
    object: dictionary(oneof(text, odd), tie('value'), { maxKeys: 24 }),
    leaf: oneof(
      text,
      odd,
      double({ noNaN: true, noDefaultInfinity: true }),
      constantFrom(null, true),
    ),
  }));
  assertProperty(
    property(value, (each) => {
      // The library makes objects without a prototype, too; the same content has to give the same text.
      for (const same of [each, JSON.parse(JSON.stringify(each)) as JsonValue]) {
        let wanted: string | null = null;
        try {
          wanted = plainly(same);
        } catch {
          assert.throws(() => canonicalJson(same), EvidenceError);
        }
        if (wanted !== null) assert.equal(canonicalJson(same), wanted);
      }
    }),
    { numRuns: 1_000 },
  );
});

test('the quick way says yes to nothing that writing it again would not', () => {
  const text = string({ unit: 'binary', maxLength: 4 });
  const key = oneof(text, constantFrom('10', '9', '__proto__', 'toJSON', 'a', 'b'));
  const { value } = letrec((tie) => ({
    value: oneof({ depthSize: 'small' }, tie('leaf'), array(tie('value')), tie('object')),
    object: dictionary(key, tie('value'), { maxKeys: 4 }),
    leaf: oneof(
      text,
      double({ noNaN: true, noDefaultInfinity: true }),
      integer(),
      constantFrom(null, true, '\ud800'),
    ),
  }));
  assertProperty(
    property(value, (each) => {
      const written = JSON.stringify(each);
      let canonical: string | null;
      try {
        canonical = canonicalJson(JSON.parse(written));
      } catch {
        canonical = null;
      }
      if (canonical === written) assert.deepEqual(parseCanonicalJson(written), JSON.parse(written));
      else assert.throws(() => parseCanonicalJson(written), EvidenceError);
    }),
    { numRuns: 2_000 },
  );
});
