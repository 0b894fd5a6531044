import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDenied, noDenials, normalSerial } from './deny-list.ts';

const cart = { serial: '0AB1', id: 'spiffe://shop.example/ns/default/sa/cart', notBeforeMs: 5000 };

test('a serial is denied however it is written', () => {
  for (const written of ['0ab1', 'AB1', '0A:B1', '0x0ab1', '00:0a:b1']) {
    assert.ok(isDenied({ ...noDenials, serials: [normalSerial(written)] }, cart), written);
  }
  assert.ok(!isDenied({ ...noDenials, serials: ['ab10'] }, cart));
  assert.ok(!isDenied(noDenials, cart));
});

test('an identity is denied up to a time', () => {
  const until = (notBeforeUntilMs: number) => ({
    ...noDenials,
    identities: [{ id: cart.id, notBeforeUntilMs }],
  });
  assert.ok(isDenied(until(5000), cart));
  assert.ok(!isDenied(until(4999), cart));
  assert.ok(!isDenied(until(5000), { ...cart, id: `${cart.id}x` }));
});

test('what is no serial is none', () => {
  for (const written of ['', 'xyz', 'a'.repeat(41), '-1', 'spiffe://d/x']) {
    assert.equal(normalSerial(written), '');
  }
});
