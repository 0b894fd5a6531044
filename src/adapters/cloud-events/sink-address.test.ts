import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseSinkAddress, requirePlainSinkUrl, SinkAddressError } from './sink-address.ts';

const good: readonly (readonly [
  name: string,
  text: string,
  url: string,
  authorization: string | null,
])[] = [
  ['a plain one', 'http://127.0.0.1:8080/in', 'http://127.0.0.1:8080/in', null],
  ['one with a secret query', 'https://h/in?key=s3cret', 'https://h/in?key=s3cret', null],
  // RFC 7617 section 2: Aladdin, open sesame.
  [
    'one with user and password',
    'https://Aladdin:open%20sesame@h/in',
    'https://h/in',
    'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==',
  ],
  [
    'one with a token',
    'https://h/in\nAuthorization: Bearer s3cret\n',
    'https://h/in',
    'Bearer s3cret',
  ],
  ['one with a fragment', 'https://h/in#x', 'https://h/in', null],
];
for (const [name, text, url, authorization] of good) {
  test(`${name} is read, and what is shown of it has no secret`, () => {
    const address = parseSinkAddress(text);
    assert.deepEqual([address.url, address.authorization], [url, authorization]);
    assert.equal(address.shown, new URL(url).origin);
    assert.doesNotMatch(address.shown + address.id, /s3cret|sesame|Aladdin/);
  });
}

test('it is the same sink with other credentials, and another one by another path or host', () => {
  const { id } = parseSinkAddress('https://a:s3cret@h/in?key=one');
  assert.equal(parseSinkAddress('https://b:other@h/in?key=two').id, id);
  assert.notEqual(parseSinkAddress('https://h/out').id, id);
  assert.notEqual(parseSinkAddress('https://i/in').id, id);
});

const clear: readonly (readonly [text: string, isInClear: boolean])[] = [
  ['http://ana:s3cret@events.example/in', true],
  ['http://events.example/in?key=s3cret', true],
  ['http://events.example/in\nAuthorization: Bearer s3cret', true],
  ['http://127.0.0.1.events.example/in?key=s3cret', true],
  ['http://localhost.events.example/in?key=s3cret', true],
  ['http://events.example/in', false],
  ['https://ana:s3cret@events.example/in', false],
  ['http://ana:s3cret@127.0.0.1:8080/in', false],
  ['http://ana:s3cret@[::1]:8080/in', false],
  ['http://ana:s3cret@events.localhost/in', false],
];
test('it is known whether a credential leaves the machine in the clear', () => {
  for (const [text, isInClear] of clear) {
    assert.equal(parseSinkAddress(text).isInClear, isInClear, text);
  }
});

const bad: readonly (readonly [name: string, text: string, why: RegExp])[] = [
  ['nothing', '', /it is no URL/],
  ['no URL', 's3cret', /it is no URL/],
  ['another scheme', 'ftp://s3cret@h/in', /no http or https URL/],
  ['a second line that is none', 'https://h/\ns3cret', /second line/],
  ['a header with a control in it', 'https://h/\nAuthorization: s3cret\u0007', /second line/],
  ['a line too many', 'https://h/\nAuthorization: s3cret\nAuthorization: b', /more lines/],
  ['two credentials', 'https://s3cret@h/\nAuthorization: b', /give one of them/],
  ['a password that stands for nothing', 'https://a:s3cret%zz@h/', /%25/],
  ['one without end', `https://h/s3cret${'x'.repeat(5_000)}`, /longer than/],
];
for (const [name, text, why] of bad) {
  test(`${name} is refused, with why and without what it was`, () => {
    assert.throws(
      () => parseSinkAddress(text),
      (error) =>
        error instanceof SinkAddressError &&
        why.test(error.message) &&
        !error.message.includes('s3cret'),
    );
  });
}

test('what everybody can read has neither user nor query', () => {
  requirePlainSinkUrl('https://events.example/in');
  for (const text of ['https://a:s3cret@h/in', 'https://h/in?key=s3cret', 'a:s3cret@h', 's3cret']) {
    assert.throws(
      () => requirePlainSinkUrl(text),
      (error) => error instanceof SinkAddressError && !error.message.includes('s3cret'),
    );
  }
});
