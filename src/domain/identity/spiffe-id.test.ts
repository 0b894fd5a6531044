import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultNamespace, parseSpiffeId, spiffeIdOf, trustDomainIdOf } from './spiffe-id.ts';

const longest = `spiffe://shop.example/${'a'.repeat(2048 - 'spiffe://shop.example/'.length)}`;

const valid: readonly (readonly [text: string, trustDomain: string, path: string])[] = [
  ['spiffe://shop.example', 'shop.example', ''],
  ['spiffe://shop.example/ns/default/sa/cart', 'shop.example', '/ns/default/sa/cart'],
  ['spiffe://a_b-c.9/Path/_.-', 'a_b-c.9', '/Path/_.-'],
  ['spiffe://shop.example/...', 'shop.example', '/...'],
  [`spiffe://${'d'.repeat(255)}`, 'd'.repeat(255), ''],
  [longest, 'shop.example', longest.slice('spiffe://shop.example'.length)],
];

for (const [text, trustDomain, path] of valid) {
  test(`${text.slice(0, 60)} is an identifier`, () => {
    const parsed = parseSpiffeId(text);
    assert.equal(parsed.kind, 'id');
    if (parsed.kind !== 'id') return;
    assert.deepEqual(
      [parsed.id.text, parsed.id.trustDomain, parsed.id.path],
      [text, trustDomain, path],
    );
  });
}

const malformed: readonly (readonly [text: string, reason: RegExp])[] = [
  ['', /does not begin/],
  ['shop.example/cart', /does not begin/],
  ['https://shop.example/cart', /does not begin/],
  ['SPIFFE://shop.example/cart', /does not begin/],
  ['spiffe:/shop.example/cart', /does not begin/],
  [' spiffe://shop.example/cart', /does not begin/],
  ['spiffe://', /no trust domain/],
  ['spiffe:///cart', /no trust domain/],
  ['spiffe://Shop.example/cart', /trust domain with other characters/],
  ['spiffe://shop.example:443/cart', /trust domain with other characters/],
  ['spiffe://user@shop.example/cart', /trust domain with other characters/],
  ['spiffe://shop%2eexample/cart', /trust domain with other characters/],
  ['spiffe://shöp.example/cart', /trust domain with other characters/],
  ['spiffe://shop.example\n/cart', /trust domain with other characters/],
  [`spiffe://${'d'.repeat(256)}`, /longer than 255/],
  [`${longest}a`, /longer than 2048/],
  ['spiffe://shop.example/', /empty segment/],
  ['spiffe://shop.example/cart/', /empty segment/],
  ['spiffe://shop.example//cart', /empty segment/],
  ['spiffe://shop.example/./cart', /segment '\.'/],
  ['spiffe://shop.example/ns/../sa/cart', /segment '\.\.'/],
  ['spiffe://shop.example/ns/default/sa/c%61rt', /path with other characters/],
  ['spiffe://shop.example/cart?a=b', /path with other characters/],
  ['spiffe://shop.example/cart#a', /path with other characters/],
  ['spiffe://shop.example/cart\0', /path with other characters/],
  ['spiffe://shop.example/cart\n', /path with other characters/],
  ['spiffe://shop.example?a=b', /trust domain with other characters/],
];

for (const [text, reason] of malformed) {
  test(`${JSON.stringify(text.slice(0, 60))} is refused`, () => {
    const parsed = parseSpiffeId(text);
    assert.equal(parsed.kind, 'malformed');
    if (parsed.kind === 'malformed') assert.match(parsed.reason, reason);
  });
}

const workloads: readonly (readonly [text: string, workload: object | null])[] = [
  ['spiffe://d/ns/shop/sa/cart', { namespace: 'shop', name: 'cart' }],
  ['spiffe://d/ns/shop/service/cart', null],
  ['spiffe://d/ns/shop/sa', null],
  ['spiffe://d/ns/shop/sa/cart/more', null],
  ['spiffe://d/NS/shop/sa/cart', null],
  ['spiffe://d/cart', null],
  ['spiffe://d', null],
];

for (const [text, workload] of workloads) {
  test(`${text} says ${JSON.stringify(workload)}`, () => {
    const parsed = parseSpiffeId(text);
    assert.equal(parsed.kind, 'id');
    if (parsed.kind === 'id') assert.deepEqual(parsed.id.workload, workload);
  });
}

test('an identifier is made of names, and read back', () => {
  const id = spiffeIdOf('shop.example', { namespace: defaultNamespace, name: 'cart' });
  assert.equal(id.text, 'spiffe://shop.example/ns/default/sa/cart');
  assert.deepEqual(parseSpiffeId(id.text), { kind: 'id', id });
  assert.equal(trustDomainIdOf('shop.example').text, 'spiffe://shop.example');
});

test('names that would say something else make none', () => {
  for (const name of ['', 'a/b', '..', 'a b', 'sa/x', 'cart?']) {
    assert.throws(() => spiffeIdOf('shop.example', { namespace: 'default', name }), RangeError);
  }
  for (const domain of ['', 'Shop', 'a/b', 'a:1']) {
    assert.throws(() => trustDomainIdOf(domain), RangeError);
  }
});
