import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResponseHead } from '../http1/head.ts';
import { parseResponseHead } from '../http1/response-head.ts';
import { keepMsOf } from './keep-alive-hint.ts';

test('a connection is kept a second less than its instance says, 60 s at most, and 4 s if it says nothing', () => {
  const rows: readonly (readonly [string, number])[] = [
    ['', 4000],
    ['Keep-Alive: timeout=5\r\n', 4000],
    ['Keep-Alive: max=10, timeout=2\r\n', 1000],
    ['keep-alive: TIMEOUT=1\r\n', 0],
    ['Keep-Alive: timeout=0\r\n', 0],
    ['Keep-Alive: timeout=999999\r\n', 60_000],
    ['Keep-Alive: timeout=-1\r\n', 4000],
    ['Keep-Alive: timeout=9999999\r\n', 4000],
    ['Keep-Alive: xtimeout=2\r\n', 4000],
  ];
  for (const [line, keepMs] of rows) {
    const bytes = Buffer.from(`HTTP/1.1 200 OK\r\n${line}content-length: 0\r\n\r\n`);
    const head = new ResponseHead();
    assert.equal(parseResponseHead(head, bytes, 0, bytes.length), bytes.length);
    assert.equal(keepMsOf(head), keepMs, line);
  }
});
