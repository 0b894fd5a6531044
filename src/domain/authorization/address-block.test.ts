import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { addressBlock, addressOf, isInBlock } from './address-block.ts';

const none = [
  '',
  '10.0.0',
  '10.0.0.256',
  '010.0.0.1',
  '10.0.0.1/33',
  '10.0.0.1/8',
  '10.0.0.0/08',
  '10.0.0.0/8/8',
  '1.2.3.4.5',
  ':::',
  '1:2',
  '1::2::3',
  '12345::',
  'g::',
  '::1/129',
  '::1/0',
  '1:2:3:4:5:6:7:8:9',
  '::1.2.3',
  'localhost',
];

for (const text of none) {
  test(`"${text}" is no block`, () => assert.equal(addressBlock(text), null));
}

test('an address is in a block as Node finds it', () => {
  const six = fc.ipV6().filter((text) => !text.toLowerCase().startsWith('::ffff:'));
  const drawn = fc.oneof(
    fc.record({ kind: fc.constant('ipv4' as const), text: fc.ipV4(), length: fc.nat(32) }),
    fc.record({ kind: fc.constant('ipv6' as const), text: six, length: fc.nat(128) }),
  );
  fc.assert(
    fc.property(
      drawn,
      fc.nat(128),
      fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
      (net, flips, noise) => {
        const address = addressOf(net.text);
        assert.ok(address !== null, net.text);
        const { width, bits } = address;
        const length = Math.min(net.length, width);
        const shift = BigInt(width - length);
        const block = { bits: (bits >> shift) << shift, width, prefixLength: length };
        const other =
          bits ^ ((noise & ((1n << BigInt(width)) - 1n)) >> BigInt(Math.min(flips, width)));
        const list = new BlockList();
        list.addSubnet(textOf(block.bits, width), length, net.kind);
        assert.equal(
          isInBlock({ bits: other, width }, block),
          list.check(textOf(other, width), net.kind),
        );
      },
    ),
  );
});

function textOf(bits: bigint, width: 32 | 128): string {
  const [count, size, radix, between] =
    width === 32 ? ([4, 8n, 10, '.'] as const) : ([8, 16n, 16, ':'] as const);
  const part = (index: number) =>
    (bits >> (BigInt(count - 1 - index) * size)) & ((1n << size) - 1n);
  return Array.from({ length: count }, (_, index) => part(index).toString(radix)).join(between);
}
