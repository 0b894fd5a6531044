import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Row } from './corpus.fixture.ts';
import { requestRows } from './corpus-rows.fixture.ts';
import { type ReadConnection, requestsReader, responsesReader } from './reading.fixture.ts';
import { responseRows } from './response-corpus.fixture.ts';

for (const [name, source, octets, want] of requestRows) {
  test(`a request connection with ${name} (${source}) is read and sent on as the corpus says`, () => {
    const { sent, end } = requestsReader()(Buffer.from(octets, 'latin1'), []);
    assert.deepEqual({ sent, end }, want);
  });
}

for (const [name, source, octets, want] of responseRows) {
  test(`an answer with ${name} (${source}) is read and sent on as the corpus says`, () => {
    const { sent, end } = responsesReader()(Buffer.from(octets, 'latin1'), []);
    assert.deepEqual({ sent, end }, want);
  });
}

test('the corpus has its rows once each, and as many refusals as was asked for', () => {
  const rows = [...requestRows, ...responseRows];
  assert.ok(rows.length >= 400, `${rows.length} rows`);
  assert.ok(rows.filter(([, , , { end }]) => typeof end !== 'string').length >= 200);
  const octets = rows.map(([, , text]) => text);
  const twice = rows.filter(([, , text], index) => octets.indexOf(text) !== index);
  assert.deepEqual(
    twice.map(([name]) => name),
    [],
  );
});

test('how a connection is cut in two makes no difference', () => {
  eachRow((read, row, whole) => {
    const octets = Buffer.from(row[2], 'latin1');
    const step = octets.length > 2000 ? 499 : 1;
    for (let cut = 1; cut < octets.length; cut += step) {
      assert.deepEqual(read(octets, [cut]), whole, `${row[0]}, cut at ${cut}`);
    }
  });
});

test('a connection that comes octet by octet makes no difference', () => {
  eachRow((read, row, whole) => {
    const octets = Buffer.from(row[2], 'latin1');
    const cuts = Array.from({ length: Math.max(0, octets.length - 1) }, (_, index) => index + 1);
    assert.deepEqual(read(octets, cuts), whole, row[0]);
  });
});

function eachRow(
  check: (read: ReadConnection, row: Row, whole: ReturnType<ReadConnection>) => void,
): void {
  const sides = [
    { read: requestsReader(), rows: requestRows },
    { read: responsesReader(), rows: responseRows },
  ];
  for (const { read, rows } of sides) {
    for (const row of rows) check(read, row, read(Buffer.from(row[2], 'latin1'), []));
  }
}
