import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouteTable } from '../../../domain/traffic/route-table.ts';
import { Counters } from '../counters.ts';
import { ResponseHead } from '../http1/head.ts';
import { parseResponseHead } from '../http1/response-head.ts';
import { keepMsOf } from './keep-alive-hint.ts';
import { otherEndpoint } from './other-endpoint.ts';
import { RetryBudget } from './retry-budget.ts';

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

test('a hundred requests may be tried again at once, and then one of five', () => {
  const budget = new RetryBudget();
  const spendAll = (): number => {
    let spent = 0;
    while (spent < 1000 && budget.spend()) spent += 1;
    return spent;
  };
  assert.equal(spendAll(), 100);
  for (let requests = 0; requests < 4; requests += 1) budget.earn();
  assert.equal(spendAll(), 0);
  for (let requests = 0; requests < 46; requests += 1) budget.earn();
  const [spent, want] = [spendAll(), 10];
  // Tenths do not add up exactly.
  assert.ok(spent === want || spent === want - 1, `${spent}`);
  for (let requests = 0; requests < 10_000; requests += 1) budget.earn();
  assert.equal(spendAll(), 100);
});

test('another instance is the next of the same revision, or none', () => {
  const endpoint = (instanceId: string) => ({ instanceId, host: '127.0.0.1', port: 1 });
  const backend = (revisionId: string, ...ids: readonly string[]) => {
    return { revisionId, weightPercent: 50, endpoints: ids.map(endpoint) };
  };
  const backends = [backend('r1', 'a', 'b', 'c'), backend('r2', 'd')];
  const route = { service: 's', host: 'h', requestTimeoutMs: 1, backends, matches: [] };
  const table: RouteTable = { version: 1, routes: [route] };
  const key = { service: 's', isMatched: false, stratum: null, setAside: null };
  const rows: readonly (readonly [RouteTable | null, string, string, string | null])[] = [
    [table, 'r1', 'a', 'b'],
    [table, 'r1', 'c', 'a'],
    [table, 'r2', 'd', null],
    [table, 'r1', 'gone', null],
    [table, 'gone', 'a', null],
    [null, 'r1', 'a', null],
  ];
  for (const [routes, revisionId, instanceId, want] of rows) {
    const counter = new Counters().counter({ ...key, revisionId, instanceId });
    const target = { revisionId, endpoint: endpoint(instanceId), origin: '', counter };
    assert.equal(
      otherEndpoint(routes, target)?.instanceId ?? null,
      want,
      `${revisionId} ${instanceId}`,
    );
  }
});
