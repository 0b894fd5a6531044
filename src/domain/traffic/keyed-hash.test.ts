import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyedHash } from './keyed-hash.ts';

/** The authors' vectors of 64 bits (vectors.h of the reference code): key 00..07, message 00..(length - 1). */
const vectors: readonly (readonly [lengthBytes: number, hash: string])[] = [
  [0, '218d1f59b9b83cc8'],
  [2, '064f39ef7c50eb57'],
  [4, 'd5e78a175be52ea1'],
  [6, 'ce3e91358aa2bc25'],
  [8, 'edfee820bce4858c'],
  [10, '95b0469f06a6f2ee'],
  [62, 'f90b3ab572d46693'],
];

function hashOf(text: string, hash = new KeyedHash([0x0302_0100, 0x0706_0504]), salt = 0): string {
  hash.update(text, salt);
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(hash.low, 0);
  bytes.writeUInt32LE(hash.high, 4);
  return bytes.toString('hex');
}

test('texts are hashed as the published vectors say', () => {
  for (const [lengthBytes, want] of vectors) {
    const bytes = Buffer.from(Array.from({ length: lengthBytes }, (_, index) => index));
    assert.equal(hashOf(bytes.toString('utf16le')), want, `${lengthBytes} bytes`);
  }
});

test('key and salt change the hash, and what comes after 256 units does not', () => {
  const plain = hashOf('10.0.0.1');
  assert.notEqual(hashOf('10.0.0.1', new KeyedHash([1, 2])), plain);
  assert.notEqual(hashOf('10.0.0.1', undefined, 1), plain);
  const long = 'a'.repeat(256);
  assert.equal(hashOf(`${long}b`), hashOf(`${long}c`));
  assert.notEqual(hashOf(`${long.slice(1)}b`), hashOf(`${long.slice(1)}c`));
});
