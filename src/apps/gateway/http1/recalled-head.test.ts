import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestRows } from './corpus-rows.fixture.ts';
import { type Head, RequestHead, ResponseHead } from './head.ts';
import type { ParseHead } from './head-reader.ts';
import { type RecalledHead, recalledRequest, recalledResponse } from './recalled-head.ts';
import { parseRequestHead } from './request-head.ts';
import { responseRows } from './response-corpus.fixture.ts';
import { parseResponseHead } from './response-head.ts';

/** All that a head says, told without offsets. */
function saidBy(head: Head): unknown {
  const own = Object.entries(head).filter(
    ([name, value]) => typeof value !== 'object' && !/Start$|End$|^start$|^end$/.test(name),
  );
  const fields = Array.from({ length: head.count }, (_, index) => {
    return [head.name(index), head.value(index), head.ids[index], head.isHop[index]];
  });
  const line =
    head instanceof RequestHead
      ? [head.methodText(), head.path(), head.authority()]
      : [head instanceof ResponseHead ? head.reason() : ''];
  return { own: Object.fromEntries(own), fields, line, bytes: head.end - head.start };
}

interface Side<H extends Head> {
  readonly rows: readonly (readonly [string, string, string, unknown])[];
  readonly parse: ParseHead<H>;
  readonly make: () => H;
  readonly recalled: () => RecalledHead<H>;
}

/** Of each head of the corpus that is accepted: its octets and what they say. */
function* accepted<H extends Head>({ rows, parse, make }: Side<H>) {
  for (const [name, , text] of rows) {
    const octets = Buffer.from(text, 'latin1');
    const head = make();
    if (parse(head, octets, 0, octets.length) > 0) yield { name, octets, head };
  }
}

const requests: Side<RequestHead> = {
  rows: requestRows,
  parse: parseRequestHead,
  make: () => new RequestHead(),
  recalled: recalledRequest,
};
const responses: Side<ResponseHead> = {
  rows: responseRows,
  parse: parseResponseHead,
  make: () => new ResponseHead(),
  recalled: recalledResponse,
};

function recallsAll<H extends Head>(side: Side<H>): number {
  let heads = 0;
  for (const { name, octets, head } of accepted(side)) {
    if (head.end - head.start > 4096) continue;
    heads += 1;
    const recalled = side.recalled();
    recalled.note(head, true);
    const own = octets.subarray(head.start, head.end);
    assert.equal(recalled.match(own, 0), null, `${name}: once is not again and again`);
    recalled.note(head, true);
    const again = Buffer.concat([Buffer.from('xyz'), own, Buffer.from('GET')]);
    const same = recalled.match(again, 3);
    assert.ok(same !== null, name);
    assert.deepEqual(saidBy(same), saidBy(head), name);
    assert.equal(same.end, own.length);
    assert.equal(recalled.match(again, 2), null);
    assert.equal(recalled.match(own.subarray(0, -1), 0), null, `${name}, cut short`);
    for (let at = 0; at < own.length; at += 1) {
      const other = Buffer.from(own);
      other[at] = (other[at] ?? 0) ^ 0x20;
      assert.equal(recalled.match(other, 0), null, `${name}, another octet at ${at}`);
    }
  }
  return heads;
}

test('a head is recalled for the same octets only, and says what a parser reads in them', () => {
  assert.ok(recallsAll(requests) >= 60);
  assert.ok(recallsAll(responses) >= 20);
});

test('what was done to a recalled head is undone when it comes again', () => {
  const octets = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'latin1');
  const head = new RequestHead();
  parseRequestHead(head, octets, 0, octets.length);
  const recalled = recalledRequest();
  for (let time = 0; time < 2; time += 1) recalled.note(head, true);
  const first = recalled.match(octets, 0);
  assert.ok(first !== null && first.keepAlive);
  first.keepAlive = false;
  assert.equal(recalled.match(octets, 0)?.keepAlive, true);
});

test('heads that differ each time are kept seldom', () => {
  const recalled = recalledRequest();
  const head = new RequestHead();
  let kept = 0;
  for (let number = 1000; number < 2000; number += 1) {
    const octets = Buffer.from(`GET /${number} HTTP/1.1\r\nHost: a\r\n\r\n`, 'latin1');
    parseRequestHead(head, octets, 0, octets.length);
    assert.equal(recalled.match(octets, 0), null);
    recalled.note(head, true);
    if (recalled.match(octets, 0) !== null) kept += 1;
  }
  assert.ok(kept > 10 && kept < 100, `${kept} of 1000`);
});
