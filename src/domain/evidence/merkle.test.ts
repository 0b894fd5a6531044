import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import {
  array,
  assert as assertProperty,
  bigInt,
  integer,
  nat,
  property,
  uint8Array,
} from 'fast-check';

import { hexOfHash, leafHash } from './digest.ts';
import type { Hash } from './digest.ts';
import { MerkleEdge, rootOf, subtreeSizes } from './merkle-edge.ts';
import {
  consistencyRanges,
  inclusionRanges,
  isConsistent,
  isIncluded,
  rangeHash,
  subtreesOf,
} from './merkle-proof.ts';
import type { LeafRange } from './merkle-proof.ts';

/** The leaves and roots that implementations of RFC 6962 test each other with (certificate-transparency-go, merkle_tree_test). */
const REFERENCE_LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => Buffer.from(hex, 'hex'));
const REFERENCE_ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const REFERENCE_INCLUSION: readonly (readonly [index: number, size: number, hashes: string[]])[] = [
  [0, 1, []],
  [
    0,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    5,
    8,
    [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
];
const REFERENCE_CONSISTENCY: readonly (readonly [
  first: number,
  second: number,
  hashes: string[],
])[] = [
  [1, 1, []],
  [
    2,
    5,
    [
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
  [
    6,
    8,
    [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
];

test('roots are those of the reference for every size, the empty tree included', () => {
  const hashes = REFERENCE_LEAVES.map(leafHash);
  for (const [size, want] of REFERENCE_ROOTS.entries()) {
    assert.equal(hexOfHash(rootOf(hashes.slice(0, size))), want, `size ${size}`);
  }
});

test('proofs are those of the reference', () => {
  const hashes = REFERENCE_LEAVES.map(leafHash);
  for (const [index, size, want] of REFERENCE_INCLUSION) {
    assert.deepEqual(proofOf(inclusionRanges(index, size), hashes).map(hexOfHash), want);
  }
  for (const [first, second, want] of REFERENCE_CONSISTENCY) {
    assert.deepEqual(proofOf(consistencyRanges(first, second), hashes).map(hexOfHash), want);
  }
});

test('edge, roots and proofs are those of the recursive definition, and proofs verify', () => {
  assertProperty(
    property(integer({ min: 1, max: 300 }), nat(), nat(), (size, one, other) => {
      const hashes = leavesOf(size);
      const index = one % size;
      const first = (other % size) + 1;
      const root = naiveRoot(hashes);
      assert.deepEqual(hexOfHash(rootOf(hashes)), hexOfHash(root));
      const inclusion = proofOf(inclusionRanges(index, size), hashes);
      assert.deepEqual(inclusion.map(hexOfHash), naivePath(index, hashes).map(hexOfHash));
      const consistency = proofOf(consistencyRanges(first, size), hashes);
      assert.deepEqual(
        consistency.map(hexOfHash),
        naiveSubproof(first, hashes, true).map(hexOfHash),
      );
      const leaf = hashes[index] ?? Buffer.alloc(0);
      const included = { index: BigInt(index), size: BigInt(size), leafHash: leaf, root };
      assert.ok(isIncluded(included, inclusion));
      const claim = consistencyClaim(hashes, first);
      assert.ok(isConsistent(claim, consistency));
    }),
    { numRuns: 300 },
  );
});

test('a proof that was changed, cut, grown, or is of another place proves nothing', () => {
  assertProperty(
    property(integer({ min: 2, max: 120 }), nat(), nat(), nat(), (size, one, other, bit) => {
      const hashes = leavesOf(size);
      const index = one % size;
      const root = naiveRoot(hashes);
      const leaf = hashes[index] ?? Buffer.alloc(0);
      const claim = { index: BigInt(index), size: BigInt(size), leafHash: leaf, root };
      const proof = proofOf(inclusionRanges(index, size), hashes);
      for (const wrong of damaged(proof, bit)) assert.equal(isIncluded(claim, wrong), false);
      const elsewhere = (index + 1 + (other % (size - 1))) % size;
      assert.equal(isIncluded({ ...claim, index: BigInt(elsewhere) }, proof), false);
      assert.equal(isIncluded({ ...claim, index: BigInt(size) }, proof), false);
      assert.equal(isIncluded({ ...claim, index: -1n }, proof), false);
      assert.equal(isIncluded({ ...claim, leafHash: flipped(leaf, bit) }, proof), false);
      assert.equal(isIncluded({ ...claim, root: flipped(root, bit) }, proof), false);
    }),
    { numRuns: 100 },
  );
});

test('a history that was rewritten before the first size is consistent with nothing', () => {
  assertProperty(
    property(integer({ min: 2, max: 120 }), nat(), nat(), (size, one, bit) => {
      const hashes = leavesOf(size);
      const first = (one % (size - 1)) + 1;
      const claim = consistencyClaim(hashes, first);
      const proof = proofOf(consistencyRanges(first, size), hashes);
      for (const wrong of damaged(proof, bit)) assert.equal(isConsistent(claim, wrong), false);
      const rewritten = hashes.map((hash, at) => (at === bit % first ? flipped(hash, bit) : hash));
      const fork = { ...claim, second: consistencyClaim(rewritten, first).second };
      const forkProof = proofOf(consistencyRanges(first, size), rewritten);
      assert.equal(isConsistent(fork, forkProof), false);
      const swapped = { first: claim.second, second: claim.first };
      assert.equal(isConsistent(swapped, proof), false);
    }),
    { numRuns: 100 },
  );
});

test('from the empty tree nothing is needed and nothing is taken', () => {
  const second = { size: 3n, root: naiveRoot(leavesOf(3)) };
  const first = { size: 0n, root: naiveRoot([]) };
  assert.equal(isConsistent({ first, second }, []), true);
  assert.equal(isConsistent({ first, second }, [second.root]), false);
});

test('the arithmetic holds beyond 2^32 and 2^53 leaves', () => {
  // One leaf far to the right of an otherwise uniform tree: each height has one hash, so the proof is known.
  assertProperty(
    property(integer({ min: 33, max: 62 }), bigInt({ min: 0n, max: 2n ** 62n }), (height, any) => {
      const size = 2n ** BigInt(height);
      const index = any % size;
      const filler = leafHash(Buffer.from('same'));
      const proof: Hash[] = [];
      let node = filler;
      for (let at = 0; at < height; at += 1) {
        proof.push(node);
        node = rootOf([node, node]);
      }
      assert.ok(isIncluded({ index, size, leafHash: filler, root: node }, proof));
      assert.equal(
        isIncluded({ index: index + size, size, leafHash: filler, root: node }, proof),
        false,
      );
    }),
    { numRuns: 20 },
  );
  assert.deepEqual(subtreeSizes(2 ** 52 + 2 ** 33 + 1), [2 ** 52, 2 ** 33, 1]);
  assert.deepEqual(inclusionRanges(2 ** 40, 2 ** 40 + 1).flatMap(subtreesOf), [
    { height: 40, index: 0 },
  ]);
});

test('an edge comes back from its state, and none that cannot be one', () => {
  assertProperty(
    property(array(uint8Array({ maxLength: 8 }), { maxLength: 70 }), (leaves) => {
      const edge = MerkleEdge.empty();
      for (const leaf of leaves) {
        edge.append(leafHash(leaf));
        const again = MerkleEdge.of(edge.state());
        assert.deepEqual(hexOfHash(again?.root() ?? Buffer.alloc(0)), hexOfHash(edge.root()));
      }
    }),
    { numRuns: 30 },
  );
  const hash = leafHash(Buffer.alloc(0));
  assert.equal(MerkleEdge.of({ size: 3, hashes: [hash] }), null);
  assert.equal(MerkleEdge.of({ size: 1, hashes: [hash, hash] }), null);
  assert.equal(MerkleEdge.of({ size: 1, hashes: [hash.subarray(1)] }), null);
  assert.equal(MerkleEdge.of({ size: -1, hashes: [] }), null);
  assert.equal(MerkleEdge.of({ size: 0.5, hashes: [] }), null);
});

function leavesOf(count: number): Hash[] {
  return Array.from({ length: count }, (_, n) => leafHash(Buffer.from(`leaf ${n}`)));
}

function proofOf(ranges: readonly LeafRange[], hashes: readonly Hash[]): Hash[] {
  return ranges.map((range) =>
    rangeHash(
      subtreesOf(range).map(({ height, index }) => {
        const leaves = 2 ** height;
        return rootOf(hashes.slice(index * leaves, (index + 1) * leaves));
      }),
    ),
  );
}

function consistencyClaim(hashes: readonly Hash[], first: number) {
  return {
    first: { size: BigInt(first), root: naiveRoot(hashes.slice(0, first)) },
    second: { size: BigInt(hashes.length), root: naiveRoot(hashes) },
  };
}

/** The same proof with one bit changed, without its first or last hash, and with one more. */
function damaged(proof: readonly Hash[], bit: number): Hash[][] {
  const more = [
    [...proof, leafHash(Buffer.alloc(1))],
    [leafHash(Buffer.alloc(1)), ...proof],
  ];
  if (proof.length === 0) return more;
  const at = bit % proof.length;
  const changed = proof.map((hash, n) => (n === at ? flipped(hash, bit) : hash));
  return [...more, changed, proof.slice(1), proof.slice(0, -1)];
}

function flipped(hash: Hash, bit: number): Hash {
  const copy = Buffer.from(hash);
  const at = bit % (hash.length * 8);
  copy[Math.floor(at / 8)] = (copy[Math.floor(at / 8)] ?? 0) ^ (1 << (at % 8));
  return copy;
}

// The definitions of RFC 6962 sections 2.1, 2.1.1 and 2.1.2, word for word: slow, and not the code under test.

function naiveRoot(hashes: readonly Hash[]): Hash {
  const [only] = hashes;
  if (only === undefined) return createHash('sha256').digest();
  if (hashes.length === 1) return only;
  const k = split(hashes.length);
  return createHash('sha256')
    .update(Uint8Array.of(1))
    .update(naiveRoot(hashes.slice(0, k)))
    .update(naiveRoot(hashes.slice(k)))
    .digest();
}

function naivePath(index: number, hashes: readonly Hash[]): Hash[] {
  if (hashes.length <= 1) return [];
  const k = split(hashes.length);
  return index < k
    ? [...naivePath(index, hashes.slice(0, k)), naiveRoot(hashes.slice(k))]
    : [...naivePath(index - k, hashes.slice(k)), naiveRoot(hashes.slice(0, k))];
}

function naiveSubproof(first: number, hashes: readonly Hash[], isKnown: boolean): Hash[] {
  if (first === hashes.length) return isKnown ? [] : [naiveRoot(hashes)];
  const k = split(hashes.length);
  return first <= k
    ? [...naiveSubproof(first, hashes.slice(0, k), isKnown), naiveRoot(hashes.slice(k))]
    : [...naiveSubproof(first - k, hashes.slice(k), false), naiveRoot(hashes.slice(0, k))];
}

function split(count: number): number {
  return 2 ** (Math.ceil(Math.log2(count)) - 1);
}
