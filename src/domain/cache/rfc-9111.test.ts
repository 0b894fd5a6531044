import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestDirectives } from './cache-control.ts';
import type { CacheRule } from './cache-rule.ts';
import { usualCacheRule } from './cache-rule.fixture.ts';
import { type Field, httpDateText } from './http-fields.ts';
import { freshened } from './freshening.ts';
import { invalidatedPaths, isUnsafe } from './invalidation.ts';
import { rendering } from './preconditions.ts';
import { reuse, standsIn } from './reuse.ts';
import { type Storing, storing } from './storing.ts';

const nowMs = Date.UTC(2026, 10, 21, 12);
const date: Field = ['Date', httpDateText(nowMs)];

interface StoringRow {
  readonly name: string;
  readonly status?: number;
  readonly fields: readonly Field[];
  readonly asked?: string;
  readonly hasAuthorization?: boolean;
  readonly rule?: Partial<CacheRule>;
  /** The lifetime in seconds, or why it is not kept. */
  readonly want: number | string;
}

const control = (value: string): Field => ['Cache-Control', value];

const storingRows: readonly StoringRow[] = [
  { name: 'max-age', fields: [control('max-age=60')], want: 60 },
  { name: 's-maxage goes before max-age', fields: [control('max-age=60, s-maxage=5')], want: 5 },
  {
    name: 'max-age goes before Expires',
    fields: [control('max-age=7'), ['Expires', httpDateText(nowMs + 90_000)]],
    want: 7,
  },
  { name: 'Expires less Date', fields: [['Expires', httpDateText(nowMs + 90_000)]], want: 90 },
  { name: 'Expires: 0 has expired', fields: [['Expires', '0']], want: 'no-lifetime' },
  {
    name: 'Expires: 0 with a validator is kept to be asked about',
    fields: [
      ['Expires', '0'],
      ['ETag', '"a"'],
    ],
    want: 0,
  },
  { name: 'no word of it, no ttl', fields: [], want: 'no-lifetime' },
  { name: 'no word of it, with a ttl', fields: [], rule: { ttlMs: 9000 }, want: 9 },
  {
    name: 'a ttl for a status that is not cacheable by default',
    status: 302,
    fields: [],
    rule: { ttlMs: 9000 },
    want: 'no-lifetime',
  },
  {
    name: 'any status with a lifetime of its own',
    status: 302,
    fields: [control('max-age=3')],
    want: 3,
  },
  {
    name: 'an error of the server with a ttl of the rule',
    status: 503,
    fields: [],
    rule: { ttlMs: 9000 },
    want: 'no-lifetime',
  },
  { name: '404 with a ttl of the rule', status: 404, fields: [], rule: { ttlMs: 9000 }, want: 9 },
  {
    name: 'the bound of the rule',
    fields: [control('max-age=600')],
    rule: { ttlMaxMs: 60_000 },
    want: 60,
  },
  { name: 'no-store', fields: [control('no-store, max-age=60')], want: 'no-store' },
  { name: 'no-store in another case', fields: [control('No-Store')], want: 'no-store' },
  {
    name: 'no-store on a second line',
    fields: [control('max-age=60'), control('no-store')],
    want: 'no-store',
  },
  { name: 'private', fields: [control('private, max-age=60')], want: 'private' },
  {
    name: 'private with fields keeps the rest',
    fields: [control('private="x-user", max-age=60')],
    want: 60,
  },
  {
    name: 'no-cache is kept with a validator',
    fields: [control('no-cache'), ['ETag', '"a"']],
    want: 0,
  },
  {
    name: 'no-cache without a validator is of no use',
    fields: [control('no-cache')],
    want: 'no-lifetime',
  },
  {
    name: 'must-understand of a known status overrules no-store',
    fields: [control('must-understand, no-store, max-age=5')],
    want: 5,
  },
  {
    name: 'must-understand of another status',
    status: 299,
    fields: [control('must-understand, max-age=5')],
    want: 'status',
  },
  { name: '206', status: 206, fields: [control('max-age=60')], want: 'status' },
  { name: '304', status: 304, fields: [control('max-age=60')], want: 'status' },
  {
    name: 'Authorization',
    fields: [control('max-age=60')],
    hasAuthorization: true,
    want: 'authorization',
  },
  {
    name: 'Authorization and public',
    fields: [control('public, max-age=60')],
    hasAuthorization: true,
    want: 60,
  },
  {
    name: 'Authorization and s-maxage',
    fields: [control('s-maxage=60')],
    hasAuthorization: true,
    want: 60,
  },
  {
    name: 'Authorization and must-revalidate',
    fields: [control('max-age=60, must-revalidate')],
    hasAuthorization: true,
    want: 60,
  },
  {
    name: 'Authorization and a ttl',
    fields: [],
    rule: { ttlMs: 9000 },
    hasAuthorization: true,
    want: 'authorization',
  },
  {
    name: 'request no-store',
    fields: [control('max-age=60')],
    asked: 'no-store',
    want: 'request-no-store',
  },
  { name: 'Vary: *', fields: [control('max-age=60'), ['Vary', 'accept, *']], want: 'vary' },
  {
    name: 'Set-Cookie',
    fields: [control('max-age=60'), ['Set-Cookie', 'a=1']],
    want: 'set-cookie',
  },
  {
    name: 'Set-Cookie that the file takes',
    fields: [control('max-age=60'), ['Set-Cookie', 'a=1']],
    rule: { storesCookieAnswers: true },
    want: 60,
  },
  {
    name: 'a max-age that is no number is stale',
    fields: [control('max-age=soon'), ['ETag', '"a"']],
    want: 0,
  },
  { name: 'the first of two max-age', fields: [control('max-age=5, max-age=50')], want: 5 },
  { name: 'a quoted max-age', fields: [control('max-age="5"')], want: 5 },
  {
    name: 'a max-age beyond all bounds',
    fields: [control('max-age=99999999999999999999')],
    rule: { ttlMaxMs: Infinity },
    want: 2 ** 31,
  },
  {
    name: 'a Cache-Control too long to read',
    fields: [control(`max-age=60, x="${'a'.repeat(5000)}"`)],
    want: 'no-store',
  },
];

function stored(row: Omit<StoringRow, 'name' | 'want'>): Storing {
  const { status = 200, fields, asked = null, hasAuthorization = false, rule = {} } = row;
  const request = { directives: requestDirectives(asked), hasAuthorization };
  const at = { requestAtMs: nowMs, responseAtMs: nowMs };
  return storing(
    { status, fields: [date, ...fields] },
    { ...request, ...at },
    { ...usualCacheRule, ...rule },
  );
}

test('what may be kept, and for how long, is as RFC 9111 section 3 and 4.2.1 say', () => {
  for (const { name, want, ...row } of storingRows) {
    const found = stored(row);
    const got = found.kind === 'pass' ? found.why : found.answer.terms.lifetimeMs / 1000;
    assert.equal(got, want, name);
  }
});

function kept(fields: readonly Field[], rule: Partial<CacheRule> = {}) {
  const found = stored({ fields, rule });
  assert.equal(found.kind, 'store');
  return { ...found.answer, body: Buffer.from('hello') };
}

test('fields of one caller or one connection are no part of what is kept', () => {
  const { fields } = kept(
    [
      control('max-age=60, private="x-user", no-cache="X-Token"'),
      ['X-User', 'ada'],
      ['x-token', 't'],
      ['Set-Cookie', 'a=1'],
      ['Connection', 'close'],
      ['Content-Length', '5'],
      ['Cache-Tag', 'a'],
      ['X-Other', 'y'],
    ],
    { storesCookieAnswers: true },
  );
  assert.deepEqual(
    fields.map(([name]) => name),
    ['Date', 'Cache-Control', 'X-Other'],
  );
});

test('an age is counted as section 4.2.3 has it', () => {
  const rows: readonly (readonly [
    name: string,
    fields: readonly Field[],
    delayMs: number,
    wantMs: number,
  ])[] = [
    ['nothing said', [date], 0, 0],
    ['the delay counts', [date], 3000, 3000],
    ['Age and the delay', [date, ['Age', '10']], 2000, 12_000],
    [
      'Date goes before a smaller Age',
      [
        ['Date', httpDateText(nowMs - 30_000)],
        ['Age', '10'],
      ],
      0,
      30_000,
    ],
    ['an Age that is no number', [date, ['Age', 'old']], 0, 0],
    ['a Date in the future', [['Date', httpDateText(nowMs + 60_000)]], 0, 0],
  ];
  for (const [name, fields, delayMs, wantMs] of rows) {
    const found = storing(
      { status: 200, fields: [...fields, control('max-age=600')] },
      {
        directives: requestDirectives(null),
        hasAuthorization: false,
        requestAtMs: nowMs - delayMs,
        responseAtMs: nowMs,
      },
      usualCacheRule,
    );
    assert.equal(found.kind === 'store' ? found.answer.terms.initialAgeMs : null, wantMs, name);
  }
});

test('what is kept may be used again as section 4.2 and 5.2.1 and RFC 5861 say', () => {
  const rows: readonly (readonly [
    answer: string,
    asked: string | null,
    ageSeconds: number,
    want: string,
  ])[] = [
    ['max-age=60', null, 0, 'fresh'],
    ['max-age=60', null, 59, 'fresh'],
    ['max-age=60', null, 60, 'validate stale'],
    ['max-age=60', 'no-cache', 1, 'validate request'],
    ['max-age=60', 'max-age=10', 10, 'fresh'],
    ['max-age=60', 'max-age=10', 11, 'validate request'],
    ['max-age=60', 'max-age=0', 1, 'validate request'],
    ['max-age=60', 'min-fresh=10', 50, 'fresh'],
    ['max-age=60', 'min-fresh=10', 51, 'validate request'],
    ['max-age=60', 'max-stale', 1000, 'stale'],
    ['max-age=60', 'max-stale=5', 65, 'stale'],
    ['max-age=60', 'max-stale=5', 66, 'validate stale'],
    ['max-age=60, must-revalidate', 'max-stale', 61, 'validate stale'],
    ['max-age=60, proxy-revalidate', 'max-stale', 61, 'validate stale'],
    ['s-maxage=60', 'max-stale', 61, 'validate stale'],
    ['no-cache, max-age=60', null, 1, 'validate stale'],
    ['no-cache="x", max-age=60', null, 1, 'fresh'],
    ['max-age=60, stale-while-revalidate=10', null, 61, 'stale and ask'],
    ['max-age=60, stale-while-revalidate=10', null, 70, 'stale and ask'],
    ['max-age=60, stale-while-revalidate=10', null, 71, 'validate stale'],
    ['max-age=60, stale-while-revalidate=10', 'max-age=60', 61, 'validate stale'],
    ['max-age=60, stale-while-revalidate=10, must-revalidate', null, 61, 'validate stale'],
  ];
  for (const [answer, asked, ageSeconds, want] of rows) {
    const { terms } = kept([control(answer), ['ETag', '"a"']]);
    const found = reuse(terms, requestDirectives(asked), nowMs + ageSeconds * 1000);
    const got =
      found.kind === 'validate'
        ? `validate ${found.because}`
        : found.kind === 'stale' && found.revalidates
          ? 'stale and ask'
          : found.kind;
    assert.equal(got, want, `${answer} | ${asked} | ${ageSeconds} s`);
  }
});

test('a stale answer stands in for a failure only where that is allowed', () => {
  const rows: readonly (readonly [answer: string, ageSeconds: number, want: boolean])[] = [
    ['max-age=60', 61, false],
    ['max-age=60, stale-if-error=30', 61, true],
    ['max-age=60, stale-if-error=30', 90, true],
    ['max-age=60, stale-if-error=30', 91, false],
    ['max-age=60, stale-if-error=30, must-revalidate', 61, false],
    ['s-maxage=60, stale-if-error=30', 61, false],
    ['no-cache, stale-if-error=30', 1, false],
  ];
  for (const [answer, ageSeconds, want] of rows) {
    const { terms } = kept([control(answer), ['ETag', '"a"']]);
    const got = standsIn(terms, requestDirectives(null), nowMs + ageSeconds * 1000);
    assert.equal(got, want, `${answer} | ${ageSeconds} s`);
  }
});

test('a 304 makes an answer fresh again, and one about another answer does not', () => {
  const old = kept([
    control('max-age=60'),
    ['ETag', '"a"'],
    ['X-Version', '1'],
    ['Content-Type', 'text/plain'],
  ]);
  const later = { requestAtMs: nowMs + 90_000, responseAtMs: nowMs + 90_000 };
  const news: readonly Field[] = [
    ['Date', httpDateText(nowMs + 90_000)],
    ['ETag', '"a"'],
    ['x-version', '2'],
    ['Content-Type', 'image/png'],
    ['Content-Length', '0'],
  ];
  const found = freshened(old, { status: 304, fields: news }, later, usualCacheRule);
  assert.ok(found !== null);
  const text = found.fields.map((field) => field.join(': '));
  assert.ok(
    text.includes('x-version: 2') && text.includes('Content-Type: text/plain'),
    text.join(),
  );
  assert.ok(
    !text.includes('X-Version: 1') && !text.some((line) => line.startsWith('Content-Length')),
  );
  assert.equal(reuse(found.terms, requestDirectives(null), nowMs + 100_000).kind, 'fresh');
  assert.equal(found.terms.initialAgeMs, 0);
  const undated = freshened(old, { status: 304, fields: [] }, later, usualCacheRule);
  assert.equal(undated?.terms.initialAgeMs, 0);
  const other = { status: 304, fields: [['ETag', '"b"']] as const };
  assert.equal(freshened(old, other, later, usualCacheRule), null);
});

test('preconditions and ranges are answered as RFC 9110 has them', () => {
  const modified = httpDateText(nowMs - 86_400_000);
  const fields: readonly Field[] = [date, ['ETag', 'W/"a"'], ['Last-Modified', modified]];
  const strong: readonly Field[] = [date, ['ETag', '"s"'], ['Last-Modified', modified]];
  const rows: readonly (readonly [
    fields: readonly Field[],
    asked: Record<string, string>,
    want: string,
  ])[] = [
    [fields, {}, 'whole'],
    [fields, { 'if-none-match': '"a"' }, 'not-modified'],
    [fields, { 'if-none-match': '"b", W/"a"' }, 'not-modified'],
    [fields, { 'if-none-match': '*' }, 'not-modified'],
    [fields, { 'if-none-match': '"b"', 'if-modified-since': httpDateText(nowMs) }, 'whole'],
    [fields, { 'if-modified-since': modified }, 'not-modified'],
    [fields, { 'if-modified-since': httpDateText(nowMs - 86_401_000) }, 'whole'],
    [fields, { 'if-modified-since': 'yesterday' }, 'whole'],
    [fields, { range: 'bytes=0-1' }, 'part 0 2'],
    [fields, { range: 'bytes=2-' }, 'part 2 10'],
    [fields, { range: 'bytes=-3' }, 'part 7 10'],
    [fields, { range: 'bytes=-30' }, 'part 0 10'],
    [fields, { range: 'bytes=8-99' }, 'part 8 10'],
    [fields, { range: 'bytes=10-' }, 'unsatisfiable'],
    [fields, { range: 'bytes=-0' }, 'unsatisfiable'],
    [fields, { range: 'bytes=5-2' }, 'whole'],
    [fields, { range: 'bytes=0-1, 4-5' }, 'whole'],
    [fields, { range: 'lines=0-1' }, 'whole'],
    [strong, { range: 'bytes=0-1', 'if-range': '"s"' }, 'part 0 2'],
    [strong, { range: 'bytes=0-1', 'if-range': '"t"' }, 'whole'],
    [fields, { range: 'bytes=0-1', 'if-range': 'W/"a"' }, 'whole'],
    [strong, { range: 'bytes=0-1', 'if-range': modified }, 'part 0 2'],
    [strong, { range: 'bytes=0-1', 'if-range': httpDateText(nowMs) }, 'whole'],
  ];
  for (const [own, asked, want] of rows) {
    const found = rendering(
      { status: 200, fields: own, bodyBytes: 10 },
      (name) => asked[name] ?? null,
    );
    const got = found.kind === 'part' ? `part ${found.start} ${found.end}` : found.kind;
    assert.equal(got, want, JSON.stringify(asked));
  }
  const other = rendering({ status: 404, fields, bodyBytes: 10 }, () => '*');
  assert.equal(other.kind, 'whole');
});

test('an unsafe request that did not fail takes its own path and those its answer names, of the same host', () => {
  assert.deepEqual(
    ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PATCH', 'FROB'].filter(isUnsafe),
    ['POST', 'PUT', 'DELETE', 'PATCH', 'FROB'],
  );
  const at = { authority: 'shop.example:8080', path: '/carts?x=1' };
  const rows: readonly (readonly [
    status: number,
    fields: readonly Field[],
    want: readonly string[],
  ])[] = [
    [200, [], ['/carts?x=1']],
    [404, [['Location', '/a']], []],
    [500, [], []],
    [201, [['Location', '/carts/7']], ['/carts?x=1', '/carts/7']],
    [201, [['Location', 'http://shop.example:8080/b?c=d#e']], ['/carts?x=1', '/b?c=d']],
    [201, [['Location', 'http://other.example/b']], ['/carts?x=1']],
    [303, [['Content-Location', 'f']], ['/carts?x=1', '/f']],
  ];
  for (const [status, fields, want] of rows) {
    assert.deepEqual(invalidatedPaths(at, { status, fields }), want, JSON.stringify(fields));
  }
});
