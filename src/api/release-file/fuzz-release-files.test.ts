import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { exampleFile } from './example-file.ts';
import { parseReleaseFiles, problemCountMax } from './parse-release-files.ts';
import { formatProblem } from './problem.ts';

const seed = 20_261_120;

/** Runs of each property: few, for the whole suite is to take seconds; `seed` fixes them. */
const runCount = 60;

/**
 * Of the processor, as the machine may be busy. Far above what any file takes (the slowest take about 0.4 s), so only a
 * cost that grows without bound fails.
 */
const cpuTimeUsMax = 1_000_000;

/** What holds for every text whatsoever. */
function checkBounded(text: string): void {
  const started = process.cpuUsage();
  const { services, problems } = parseReleaseFiles([{ path: 'f', text }]);
  const { user, system } = process.cpuUsage(started);
  assert.ok(user + system < cpuTimeUsMax, `took ${user + system} us`);
  assert.notEqual(services.length > 0, problems.length > 0);
  assert.ok(problems.length <= problemCountMax + 1);
  const lines = text.split('\n');
  for (const problem of problems) {
    const line = lines[problem.line - 1];
    assert.ok(line !== undefined, `line ${problem.line} of ${lines.length}`);
    assert.ok(problem.column >= 1 && problem.column <= line.length + 1, `column ${problem.column}`);
    assert.ok(problem.sourceLine === line.replace(/\r$/, ''), 'the line of the file');
    assert.ok(problem.message !== '');
    const shown = formatProblem(problem);
    assert.ok(shown.length < 2000 && !/[\p{Cc}--[\t\n]]/v.test(shown), JSON.stringify(shown));
    assert.ok(shown.split('\n').length <= 3, shown);
  }
}

test('random UTF-16 gives problems with valid places', () => {
  const decode = (units: Uint16Array) => String.fromCharCode(...units);
  fc.assert(fc.property(fc.uint16Array({ maxLength: 200 }).map(decode), checkBounded), {
    seed,
    numRuns: runCount,
  });
});

test('random bytes, decoded as a file is, give problems with valid places', () => {
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }).map(decode), checkBounded), {
    seed,
    numRuns: runCount,
  });
});

const fragments = [
  '{',
  '}',
  '[',
  ']',
  ':',
  ': ',
  '- ',
  ',',
  '"',
  "'",
  '|',
  '>',
  '&a ',
  '*a',
  '!x ',
  '!!int ',
  '#',
  '%',
  '@',
  '? ',
  '<<: ',
  '---\n',
  '...\n',
  '\n',
  '\r\n',
  '\t',
  '  ',
  '0',
  '-1',
  '1e999',
  '.nan',
  '~',
  'null',
  'true',
  '5%',
  '30s',
  '\0',
  '\uFEFF',
  '\uD800',
  '😀',
  '__proto__: ',
  'constructor: ',
  'toString: ',
  '%YAML 1.1\n',
  'weight',
  'spec:',
];

test('a good file with random pieces put in, taken out or doubled never breaks the parser', () => {
  const place = fc.nat({ max: exampleFile.length });
  const edit = fc.record({
    start: place,
    length: fc.nat({ max: 12 }),
    text: fc.constantFrom('', ...fragments),
  });
  const edits = fc.array(edit, { minLength: 1, maxLength: 4 });
  const mutate = (edits: readonly { start: number; length: number; text: string }[]) =>
    edits.reduce(
      (text, { start, length, text: piece }) =>
        text.slice(0, start) + piece + text.slice(start + length),
      exampleFile,
    );
  fc.assert(fc.property(edits.map(mutate), checkBounded), { seed, numRuns: runCount });
});

test('any value in any place of the structure is refused or taken, never thrown at', () => {
  const document = fc.record({
    apiVersion: fc.constant('tidegate.dev/v1'),
    kind: fc.constant('Service'),
    metadata: fc.oneof(fc.constant({ name: 'web' }), fc.jsonValue()),
    spec: fc.dictionary(
      fc.constantFrom(
        'run',
        'port',
        'health',
        'dependsOn',
        'scale',
        'traffic',
        'objectives',
        'rollout',
      ),
      fc.jsonValue(),
    ),
  });
  fc.assert(
    fc.property(
      document.map((value) => JSON.stringify(value)),
      checkBounded,
    ),
    { seed, numRuns: runCount },
  );
});

test('a mebibyte of one thing over and over takes bounded time', () => {
  const sizeBytes = 1_048_576;
  for (const piece of ['[', '- a\n', '"\\q']) {
    checkBounded(piece.repeat(Math.floor(sizeBytes / piece.length)));
  }
  checkBounded('}'.repeat(10_000));
});
