import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseExposition } from './exposition-text.ts';

const seed = 20_261_120;

function parsed(text: string) {
  const exposition = parseExposition(text, () => true);
  assert.ok(!('fault' in exposition), 'fault' in exposition ? exposition.fault : '');
  return exposition;
}

function samplesOf(text: string): readonly (readonly [string, Record<string, string>, number])[] {
  return parsed(text).samples.map(({ name, labels, value }) => [
    name,
    Object.fromEntries(labels),
    value,
  ]);
}

test('a text with everything of the format is read', () => {
  // After the description of the format: blanks and tabs, comments, escapes, a comma at the end, timestamps, infinities.
  const text = `# HELP http_requests_total The total number of \\\\ HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 -1395066363000

# A comment.
#another
msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9
metric_without_timestamp_and_labels 12.47
\t a:b { x = "y" , z = "" , } \t +Inf\t
_b{} -inf
c NaN
d .5
e 1.
f{g="ü, } = \\n"} -0
`;
  assert.deepEqual(samplesOf(text), [
    ['http_requests_total', { method: 'post', code: '200' }, 1027],
    ['http_requests_total', { method: 'post', code: '400' }, 3],
    [
      'msdos_file_access_time_seconds',
      { path: 'C:\\DIR\\FILE.TXT', error: 'Cannot find file:\n"FILE.TXT"' },
      1458255915,
    ],
    ['metric_without_timestamp_and_labels', {}, 12.47],
    ['a:b', { x: 'y', z: '' }, Infinity],
    ['_b', {}, -Infinity],
    ['c', {}, Number.NaN],
    ['d', {}, 0.5],
    ['e', {}, 1],
    ['f', { g: 'ü, } = \n' }, -0],
  ]);
  assert.deepEqual([...parsed(text).types], [['http_requests_total', 'counter']]);
  assert.deepEqual(samplesOf(''), []);
});

test('only wanted names are kept, and the rest is checked all the same', () => {
  const isWanted = (name: string): boolean => name === 'b';
  const found = parseExposition('a 1\nb 2\nc 3\n', isWanted);
  assert.ok(!('fault' in found));
  assert.deepEqual(
    found.samples.map(({ name, line }) => [name, line]),
    [['b', 2]],
  );
  assert.ok('fault' in parseExposition('a 1\nb 2\nc\n', isWanted));
});

const refusals: readonly (readonly [text: string, place: string, what: RegExp])[] = [
  ['a 1', 'line 1', /no end; was the text cut off/],
  ['a 1\nb 2', 'line 2', /cut off/],
  ['a\n', 'line 1, column 2', /a value, but the line ends/],
  ['1a 1\n', 'line 1, column 1', /a metric name, but there is "1a 1"/],
  ['a-b 1\n', 'line 1, column 2', /a number, but there is "-b 1"/],
  ['a one\n', 'line 1, column 3', /a number/],
  ['a 1e\n', 'line 1, column 3', /a number/],
  ['a 0x10\n', 'line 1, column 3', /a number/],
  ['a 1\r\n', 'line 1, column 3', /a number/],
  ['a 1 2 3\n', 'line 1, column 7', /the end of the line/],
  ['a 1 2.5\n', 'line 1, column 5', /a timestamp/],
  ['a 1 # {x="y"} 1\n', 'line 1, column 5', /a timestamp/],
  ['a{b="c" 1\n', 'line 1, column 9', /, or \}/],
  ['a{b="c"\n', 'line 1, column 8', /, or \}, but the line ends/],
  ['a{b=c} 1\n', 'line 1, column 5', /"/],
  ['a{b "c"} 1\n', 'line 1, column 5', /=/],
  ['a{b="c} 1\n', 'line 1, column 6', /a value ended by "/],
  ['a{b="\\x"} 1\n', 'line 1, column 6', /a value ended by "/],
  ['a{b="\\"} 1\n', 'line 1, column 6', /a value ended by "/],
  ['a{,} 1\n', 'line 1, column 3', /a label name or \}/],
  ['a{b="",,} 1\n', 'line 1, column 8', /a label name or \}/],
  ['a{b:c=""} 1\n', 'line 1, column 4', /=/],
  ['a{b="",b=""} 1\n', 'line 1, column 8', /b is there twice/],
  ['# TYPE a\n', 'line 1, column 9', /a type/],
  ['# TYPE a number\n', 'line 1, column 10', /counter, gauge, histogram, summary or untyped/],
  ['# TYPE a counter x\n', 'line 1, column 18', /the end of the line/],
  ['# TYPE a counter\n# TYPE a counter\n', 'line 2, column 10', /second/],
  ['# HELP\n', 'line 1, column 7', /a metric name/],
];

for (const [text, place, what] of refusals) {
  test(`${JSON.stringify(text)} is refused at ${place}`, () => {
    const found = parseExposition(text, () => true);
    assert.ok('fault' in found, 'it is read');
    assert.ok(found.fault.startsWith(`${place}:`), found.fault);
    assert.match(found.fault, what);
  });
}

test('what is written by the rules is read as it was meant', () => {
  const names = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,8}$/);
  const labels = fc.dictionary(fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,5}$/), fc.string(), {
    maxKeys: 5,
    noNullPrototype: true,
  });
  const sample = fc.tuple(names, labels, fc.double({ noNaN: true }));
  const escaped = (value: string): string =>
    value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 5 }), (samples) => {
      const text = samples.map(([name, own, value]) => {
        const pairs = Object.entries(own).map(([label, each]) => `${label}="${escaped(each)}"`);
        return `${name}{${pairs.join(',')}} ${value}\n`;
      });
      // The template has no word for -0.
      const want = samples.map(([name, own, value]) => [name, Object.entries(own), value + 0]);
      const found = parsed(text.join('')).samples;
      assert.deepEqual(
        found.map(({ name, labels: own, value }) => [name, [...own], value]),
        want,
      );
    }),
    { seed, numRuns: 300 },
  );
});

test('no text makes the parser throw', () => {
  const pieces = fc.constantFrom(
    'a',
    '{',
    '}',
    '"',
    ',',
    '=',
    ' ',
    '\n',
    '\\',
    '#',
    'TYPE',
    '1',
    'e',
  );
  const texts = fc.oneof(
    fc.string(),
    fc.array(pieces).map((each) => each.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      parseExposition(text, () => true);
    }),
    { seed, numRuns: 1000 },
  );
});
