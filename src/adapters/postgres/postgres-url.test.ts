import assert from 'node:assert/strict';
import { test } from 'node:test';

import { LedgerError } from '../../ports/ledger-store.ts';
import { parsePostgresUrl } from './postgres-url.ts';

const password = 'p%C3%A4ss%40word';

test('a URL is read with libpq’s names, and what is not said has a default', () => {
  const address = parsePostgresUrl(
    `postgres://tide:${password}@127.0.0.1:6543/led%20ger?connect_timeout=7&statement_timeout=900`,
  );
  assert.equal(address.shown, '127.0.0.1:6543/led ger');
  assert.equal(address.user, 'tide');
  assert.equal(address.password, 'päss@word');
  assert.equal(address.tls, null);
  assert.equal(address.connectTimeoutMs, 7_000);
  assert.equal(address.statementTimeoutMs, 900);
  const plain = parsePostgresUrl('postgresql://[::1]/ledger\n');
  assert.equal(plain.host, '::1');
  assert.equal(plain.port, 5432);
  assert.equal(plain.user, null);
  assert.equal(plain.connectTimeoutMs, 5_000);
});

test('a Unix socket is named by its folder, as the host or as a parameter', () => {
  for (const url of [
    'postgres:///ledger?host=/run/postgresql',
    'postgres://me@%2Frun%2Fpostgresql/ledger',
  ]) {
    assert.equal(parsePostgresUrl(url).host, '/run/postgresql', url);
  }
});

test('nothing that prints an address prints its password', () => {
  const address = parsePostgresUrl(`postgres://tide:${password}@localhost/ledger`);
  assert.doesNotMatch(JSON.stringify(address), /word/);
  assert.doesNotMatch(JSON.stringify({ ...address }), /word/);
  assert.doesNotMatch(address.shown, /tide/);
});

test('another machine is never spoken to in the clear without a word', () => {
  assert.throws(() => parsePostgresUrl('postgres://db.example/ledger'), /nothing is said of TLS/);
  assert.equal(parsePostgresUrl('postgres://db.example/ledger?sslmode=disable').tls, null);
  const full = parsePostgresUrl('postgres://db.example/ledger?sslmode=verify-full').tls;
  assert.deepEqual(full, {});
  const chain = parsePostgresUrl('postgres://db.example/ledger?sslmode=verify-ca').tls;
  assert.equal(typeof chain?.checkServerIdentity, 'function');
});

const refused: readonly (readonly [url: string, why: RegExp])[] = [
  ['mysql://h/db', /not of the form postgres:/],
  ['no url', /not of the form postgres:/],
  [`postgres://localhost/${'x'.repeat(5_000)}`, /not of the form postgres:/],
  ['postgres:///ledger', /names no host/],
  ['postgres://localhost', /names no database/],
  ['postgres://%2Frun/ledger?host=/run&sslmode=verify-full', /a Unix socket has no TLS/],
  ['postgres:///ledger?host=/a,/b', /names several hosts/],
  ['postgres://localhost/ledger?pasword=x', /the parameter pasword is unknown; known are host/],
  ['postgres://db.example/ledger?sslmode=require', /would not check who answers/],
  [
    'postgres://db.example/ledger?sslmode=verify-full&sslcert=/c',
    /sslcert and sslkey come together/,
  ],
  [
    'postgres://db.example/ledger?sslmode=verify-full&sslrootcert=/none',
    /sslrootcert, \/none, .*ENOENT/,
  ],
  ['postgres://localhost/ledger?connect_timeout=0', /must be a whole number from 1 to 60/],
  [
    'postgres://localhost/ledger?statement_timeout=1e3',
    /must be a whole number from 100 to 600000/,
  ],
  ['postgres://localhost/ledg%er', /has a % that is not followed/],
];

for (const [url, why] of refused) {
  test(`refused: ${url.slice(0, 80)}`, () => {
    assert.throws(
      () => parsePostgresUrl(url),
      (error) => error instanceof LedgerError && !error.retryable && why.test(error.message),
    );
  });
}
