import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LineSplitter } from './line-splitter.ts';

test('lines come out whole however the bytes are cut', () => {
  const text = fc.array(fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll('\n', '')));
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 7 }), (lines, stepBytes) => {
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      const splitter = new LineSplitter(1000);
      const got: string[] = [];
      for (let at = 0; at < bytes.length; at += stepBytes) {
        const found = splitter.push(bytes.subarray(at, at + stepBytes));
        assert.notEqual(found, 'too-long');
        if (found !== 'too-long') got.push(...found);
      }
      assert.deepEqual(got, lines);
    }),
    { seed: 20261120, numRuns: 200 },
  );
});

for (const [name, chunks, want] of [
  ['a line of the bound', ['abcd\n'], ['abcd']],
  ['a line over the bound', ['abcde\n'], 'too-long'],
  ['a line over the bound in pieces', ['abc', 'de'], 'too-long'],
  ['a line over the bound behind another', ['ab\ncdefg\n'], 'too-long'],
] as const) {
  test(`${name} of 4 bytes gives ${JSON.stringify(want)}`, () => {
    const splitter = new LineSplitter(4);
    let last: readonly string[] | 'too-long' = [];
    for (const chunk of chunks) last = splitter.push(Buffer.from(chunk));
    assert.deepEqual(last, want);
  });
}
