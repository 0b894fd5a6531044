import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FastifyRequest } from 'fastify';

import { Site } from './site.ts';

const meant: readonly (readonly [
  listenHost: string,
  publicUrl: string | null,
  host: string | undefined,
  isMeant: boolean,
])[] = [
  ['127.0.0.1', null, '127.0.0.1:7480', true],
  ['127.0.0.1', null, 'localhost', true],
  ['127.0.0.1', null, 'LocalHost:7480', true],
  ['127.0.0.1', null, '[::1]:7480', true],
  ['127.0.0.9', null, '127.0.0.9:7480', true],
  ['127.0.0.1', null, '127.0.0.9:7480', false],
  ['127.0.0.1', null, 'evil.example:7480', false],
  ['127.0.0.1', null, 'localhost.evil.example', false],
  ['127.0.0.1', null, 'evil.example:80@127.0.0.1', false],
  ['127.0.0.1', null, '127.0.0.1.nip.example', false],
  ['127.0.0.1', null, 'localhost:', false],
  ['127.0.0.1', null, '', false],
  ['127.0.0.1', null, undefined, false],
  ['::1', null, 'evil.example', false],
  ['localhost', null, 'evil.example', false],
  ['127.0.0.1', 'https://tidegate.example', 'tidegate.example', true],
  ['127.0.0.1', 'https://tidegate.example', 'Tidegate.Example', true],
  ['127.0.0.1', 'https://tidegate.example', 'tidegate.example:81', false],
  ['127.0.0.1', 'https://tidegate.example', 'evil.example', false],
  ['0.0.0.0', null, 'whatever.example', true],
  ['192.0.2.1', null, 'whatever.example', true],
];

for (const [listenHost, publicUrl, host, isMeant] of meant) {
  const known = publicUrl === null ? '' : ` and called ${publicUrl}`;
  test(`at ${listenHost}${known}, Host ${host ?? '(none)'} is ${isMeant ? 'meant' : 'refused'}`, () => {
    assert.equal(new Site({ listenHost, publicUrl }).isMeant(host), isMeant);
  });
}

test('a page of ours has the origin of the name it was asked by', () => {
  const site = new Site({ listenHost: '127.0.0.1', publicUrl: 'https://tidegate.example' });
  const request = (host: string, headers: object = {}): FastifyRequest =>
    ({ protocol: 'http', headers: { host, ...headers } }) as unknown as FastifyRequest;
  assert.equal(site.originOf(request('tidegate.example')), 'https://tidegate.example');
  assert.ok(site.isSecure(request('Tidegate.example')));
  assert.equal(site.originOf(request('127.0.0.1:7480')), 'http://127.0.0.1:7480');
  assert.ok(!site.isSecure(request('127.0.0.1:7480')));
  const from = (origin: string): string => site.senderOf(request('tidegate.example', { origin }));
  assert.equal(from('https://tidegate.example'), 'own');
  assert.equal(from('http://tidegate.example'), 'foreign');
  assert.equal(site.urlOf('/login#x', 'http://127.0.0.1:1'), 'https://tidegate.example/login#x');
});
