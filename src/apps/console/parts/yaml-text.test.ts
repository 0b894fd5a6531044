import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { yamlText } from './yaml-text.ts';

test('what is written reads as what it was, whatever it is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const plain: unknown = JSON.parse(JSON.stringify(value));
      assert.deepEqual(parse(yamlText(plain)), plain);
    }),
    { numRuns: 500 },
  );
});

test('texts that YAML would read as something else stay texts', () => {
  const texts = [
    'no',
    'Null',
    '1',
    '1e3',
    '0x1f',
    '2026-11-22',
    '~',
    '',
    ' a',
    'a ',
    'a: b',
    'a #b',
  ];
  for (const text of [...texts, '- a', '&a', '*a', '!a', '%a', '@a', 'a\nb', '"', "'", 'a:', 'y']) {
    assert.deepEqual(parse(yamlText({ [text]: [text] })), { [text]: [text] }, text);
  }
});

test('objects and lists are blocks, as release files are written', () => {
  const value = {
    kind: 'Service',
    metadata: { name: 'shop' },
    steps: [{ weight: 5 }, 10],
    none: [],
  };
  const text = 'kind: Service\nmetadata:\n  name: shop\nsteps:\n  - weight: 5\n  - 10\nnone: []\n';
  assert.equal(yamlText(value), text);
});
