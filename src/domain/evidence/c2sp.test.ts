import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { test } from 'node:test';

import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';
import { assert as assertProperty, nat, property, uint8Array } from 'fast-check';

import { createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import { GO_NOTE, ML_DSA_LOG, SPECIFICATION_CHECKPOINT } from './c2sp-vectors.fixture.ts';
import { EvidenceError } from './canonical-json.ts';
import {
  checkpointText,
  parseCheckpoint,
  signatureOf,
  signedMessage,
  timeOfSignature,
} from './checkpoint.ts';
import type { Checkpoint } from './checkpoint.ts';
import { leafHash } from './digest.ts';
import { judgeCheckpoint } from './judge-checkpoint.ts';
import type { Strictness } from './judge-checkpoint.ts';
import { formatVkey, noteKey, parseVkey, rawKeyOf } from './note-key.ts';
import type { NoteKey, NoteKeyType } from './note-key.ts';
import { formatNote, formatNoteLine, parseNote } from './signed-note.ts';
import type { NoteLine } from './signed-note.ts';
import { decodeBundle, decodeTile, encodeBundle, encodeTile, tilePath, tilesOf } from './tile.ts';
import { formatProof, parseProof } from './tlog-proof.ts';
import { isQuorum, parsePolicy } from './trust-policy.ts';

const text = (lines: string): Uint8Array => Buffer.from(lines);

test('the published note of another implementation verifies, and we sign it to the byte', async () => {
  const key = parseVkey(GO_NOTE.vkey);
  assert.equal(formatVkey(key), GO_NOTE.vkey);
  const note = parseNote(text(`${GO_NOTE.text}\n${GO_NOTE.line}`));
  const [line] = note.lines;
  assert.ok(line !== undefined && line.keyId === key.keyId && line.name === key.name);
  assert.ok(key.isValid(text(note.text), line.signature));
  const seed = Buffer.from(GO_NOTE.signingKey, 'base64').subarray(1);
  const signer = createMemorySigner(seed);
  assert.deepEqual(Buffer.from(rawKeyOf('ed25519', signer.publicKey)), Buffer.from(key.publicKey));
  const signature = await signer.sign(text(GO_NOTE.text), AbortSignal.timeout(60_000));
  assert.equal(formatNoteLine({ name: key.name, keyId: key.keyId, signature }), GO_NOTE.line);
});

test('the published ML-DSA-44 checkpoint of another implementation verifies', () => {
  const key = parseVkey(ML_DSA_LOG.vkey);
  const note = parseNote(text(ML_DSA_LOG.note));
  const checkpoint = parseCheckpoint(note.text);
  const [line] = note.lines;
  assert.ok(line !== undefined);
  assert.equal(timeOfSignature(key, line, checkpoint), 0n);
  assert.equal(timeOfSignature(key, line, { ...checkpoint, size: 2n }), null);
  assert.equal(formatNote(note), ML_DSA_LOG.note);
});

test("the specification's example reads as it says", () => {
  const note = parseNote(text(SPECIFICATION_CHECKPOINT));
  const checkpoint = parseCheckpoint(note.text);
  assert.equal(checkpoint.origin, 'example.com/behind-the-sofa');
  assert.equal(checkpoint.size, 20_852_163n);
  assert.equal(checkpointText(checkpoint), note.text);
  const [, witness] = note.lines;
  assert.equal(witness?.name, 'witness.example.com/w1');
  assert.equal(Buffer.from(witness.signature).readBigUInt64BE(), 1_679_315_147n);
  assert.equal(formatNote(note), SPECIFICATION_CHECKPOINT);
});

test('what node signs with ML-DSA-44 another library verifies, and the other way round', () => {
  const log = keyPair('log.example', 'cosignature-ml-dsa-44');
  const message = signedMessage(log.key, CHECKPOINT, 7n);
  const raw = log.key.publicKey;
  assert.ok(ml_dsa44.verify(sign(null, message, log.privateKey), message, raw));
  const other = ml_dsa44.keygen(Buffer.alloc(32, 9));
  const key = noteKey('other.example', 'cosignature-ml-dsa-44', other.publicKey);
  const signed = signedMessage(key, CHECKPOINT, 8n);
  assert.ok(key.isValid(signed, ml_dsa44.sign(signed, other.secretKey)));
});

const BAD_NOTES: readonly (readonly [name: string, note: string])[] = [
  ['nothing', ''],
  ['no signature', 'text\n\n'],
  ['no empty line', `text\n${GO_NOTE.line}`],
  ['a cut-off line', `text\n\n${GO_NOTE.line.slice(0, -1)}`],
  ['a carriage return', `text\r\n\n${GO_NOTE.line}`],
  ['a hyphen for the dash', `text\n\n${GO_NOTE.line.replace('\u2014', '-')}`],
  ['two spaces', `text\n\n${GO_NOTE.line.replace(' x08', '  x08')}`],
  ['base64 without padding', `text\n\n${GO_NOTE.line.replace('=', '')}`],
  ['base64 with unused bits', `text\n\n${GO_NOTE.line.replace('AM=', 'AN=')}`],
  ['a name with a plus', `text\n\n${GO_NOTE.line.replace('Peter', 'Pe+er')}`],
  ['a name with a no-break space', `text\n\n${GO_NOTE.line.replace('Peter', 'Pe\u00a0er')}`],
  ['a key id alone', `text\n\n\u2014 name AAAAAA==\n`],
];

for (const [name, note] of BAD_NOTES) {
  test(`a note with ${name} is refused`, () => {
    assert.throws(() => parseNote(text(note)), EvidenceError);
  });
}

const ROOT64 = Buffer.alloc(32, 1).toString('base64');
const BAD_CHECKPOINTS = [
  `\n1\n${ROOT64}\n`,
  `o\n01\n${ROOT64}\n`,
  `o\n-1\n${ROOT64}\n`,
  `o\n9223372036854775808\n${ROOT64}\n`,
  `o\n1\n${ROOT64.slice(4)}\n`,
  `o\n1\n${ROOT64}\nextension\n`,
  `o\n1\n${ROOT64}`,
  `${'o'.repeat(256)}\n1\n${ROOT64}\n`,
];

test('texts that are no checkpoint are refused, and the largest size is taken', () => {
  for (const bad of BAD_CHECKPOINTS) assert.throws(() => parseCheckpoint(bad), EvidenceError, bad);
  assert.equal(parseCheckpoint(`o\n9223372036854775807\n${ROOT64}\n`).size, 2n ** 63n - 1n);
});

test('each part of a vkey is checked, so no piece and no neighbour of one is a key', () => {
  for (let from = 0; from <= GO_NOTE.vkey.length; from += 1) {
    for (let to = from; to <= GO_NOTE.vkey.length; to += 1) {
      if (to - from === GO_NOTE.vkey.length) continue;
      assert.throws(() => parseVkey(GO_NOTE.vkey.slice(from, to)), EvidenceError);
    }
  }
  // Of the same library's tests: a key of another length and one of an unknown type, each with a fitting id.
  const wrongLength = 'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==';
  const wrongType = 'PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
  for (const bad of [wrongLength, wrongType]) assert.throws(() => parseVkey(bad), EvidenceError);
});

const CHECKPOINT: Checkpoint = { origin: 'log.example', size: 5n, root: leafHash(Buffer.alloc(3)) };
const LOG = keyPair('log.example', 'ed25519');
const LOG_PQ = keyPair('log.example', 'cosignature-ml-dsa-44');
const ONE = keyPair('one.example', 'cosignature-ed25519');
const TWO = keyPair('two.example', 'cosignature-ml-dsa-44');
const STRANGER = keyPair('stranger.example', 'cosignature-ed25519');
const POLICY = parsePolicy(
  [
    `log ${formatVkey(LOG.key)}`,
    `log ${formatVkey(LOG_PQ.key)}`,
    `witness one ${formatVkey(ONE.key)} http://127.0.0.1:1`,
    `witness two ${formatVkey(TWO.key)}`,
    'group both all one two',
    'quorum both',
  ].join('\n'),
);
const ALL = [LOG, LOG_PQ, ONE, TWO];

const JUDGED: readonly (readonly [
  name: string,
  lines: NoteLine[],
  strict: boolean,
  lenient: boolean,
])[] = [
  ['all signatures', ALL.map((each) => lineOf(each)), true, true],
  ['one key of the log missing', [LOG, ONE, TWO].map((each) => lineOf(each)), false, true],
  ['no key of the log', [ONE, TWO].map((each) => lineOf(each)), false, false],
  ['a witness missing', [LOG, LOG_PQ, ONE].map((each) => lineOf(each)), false, false],
  ['one witness twice', [LOG, LOG_PQ, ONE, ONE].map((each) => lineOf(each)), false, false],
  ['a line repeated', [...ALL, TWO].map((each) => lineOf(each)), false, true],
  ['a stranger’s line', [...ALL, STRANGER].map((each) => lineOf(each)), false, true],
  [
    'a bad line beside good ones',
    [...ALL.map((each) => lineOf(each)), damagedLine()],
    false,
    false,
  ],
  [
    'a signature over another root',
    [LOG, LOG_PQ, ONE].map((each) => lineOf(each)).concat(lineOf(TWO, other())),
    false,
    false,
  ],
];

for (const [name, lines, strict, lenient] of JUDGED) {
  test(`a checkpoint with ${name}: strict ${strict}, lenient ${lenient}`, () => {
    const note = text(formatNote({ text: checkpointText(CHECKPOINT), lines }));
    const believes = (strictness: Strictness): boolean => {
      try {
        judgeCheckpoint(note, POLICY, strictness);
        return true;
      } catch (error) {
        assert.ok(error instanceof EvidenceError);
        return false;
      }
    };
    assert.deepEqual([believes('strict'), believes('lenient')], [strict, lenient]);
  });
}

test('no flipped bit of a checkpoint passes the strict judge', () => {
  const lines = [LOG, ONE].map((each) => lineOf(each));
  const note = text(formatNote({ text: checkpointText(CHECKPOINT), lines }));
  const policy = parsePolicy(
    `log ${formatVkey(LOG.key)}\nwitness one ${formatVkey(ONE.key)}\nquorum one\n`,
  );
  judgeCheckpoint(note, policy, 'strict');
  for (let bit = 0; bit < note.length * 8; bit += 1) {
    const changed = Buffer.from(note);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => judgeCheckpoint(changed, policy, 'strict'), EvidenceError, `bit ${bit}`);
  }
});

const W1 = formatVkey(ONE.key);
const W2 = formatVkey(TWO.key);
const BAD_POLICIES: readonly (readonly [name: string, policy: string])[] = [
  ['no quorum', `witness a ${W1}`],
  ['two quorums', `witness a ${W1}\nquorum a\nquorum a`],
  ['an unknown word', 'quibble a\nquorum none'],
  ['a carriage return', 'quorum none\r'],
  ['a group that is used before it is there', `group g any a\nwitness a ${W1}\nquorum g`],
  ['a threshold above its members', `witness a ${W1}\ngroup g 2 a\nquorum g`],
  ['a threshold of none', `witness a ${W1}\ngroup g 0 a\nquorum g`],
  ['a member twice', `witness a ${W1}\ngroup g 2 a a\nquorum g`],
  ['a member of two groups', `witness a ${W1}\ngroup g any a\ngroup h any a\nquorum g`],
  ['one key under two names', `witness a ${W1}\nwitness b ${W1}\nquorum a`],
  ['a witness named none', `witness none ${W1}\nquorum none`],
  ["a log's key as a witness", `witness a ${formatVkey(LOG.key)}\nquorum a`],
  ["a witness's key as a log", `log ${W1}\nquorum none`],
];

for (const [name, policy] of BAD_POLICIES) {
  test(`a policy with ${name} is refused`, () => {
    assert.throws(() => parsePolicy(policy), EvidenceError);
  });
}

test('groups of groups count as the policy says', () => {
  const policy = parsePolicy(
    `# comment\n\n witness a ${W1}\n\twitness b ${W2}\twitness-url\n witness c ${formatVkey(STRANGER.key)}\ngroup bc any b c\ngroup all all a bc\nquorum all\n`,
  );
  const rows: readonly (readonly [names: string[], want: boolean])[] = [
    [['a', 'b'], true],
    [['a', 'c'], true],
    [['b', 'c'], false],
    [['a'], false],
    [[], false],
  ];
  for (const [names, want] of rows) assert.equal(isQuorum(policy.quorum, new Set(names)), want);
});

test('tiles have the paths and widths of the specification', () => {
  const rows: readonly (readonly [
    level: number | 'entries',
    index: number,
    width: number,
    want: string,
  ])[] = [
    [0, 0, 256, 'tile/0/000'],
    [1, 1_234_067, 256, 'tile/1/x001/x234/067'],
    ['entries', 273, 112, 'tile/entries/273.p/112'],
  ];
  for (const [level, index, width, want] of rows)
    assert.equal(tilePath({ level, index, width }), want);
  const paths = [...tilesOf(70_000)].map(tilePath);
  assert.equal(paths.filter((path) => /^tile\/0\/\d+$/.test(path)).length, 273);
  for (const path of ['tile/0/273.p/112', 'tile/1/000', 'tile/1/001.p/17', 'tile/2/000.p/1']) {
    assert.ok(paths.includes(path), path);
  }
  assert.deepEqual([...tilesOf(256)].map(tilePath), [
    'tile/entries/000',
    'tile/0/000',
    'tile/1/000.p/1',
  ]);
  assert.deepEqual([...tilesOf(0)], []);
});

test('bundles come back as they were, and none that was cut or grown', () => {
  const entries = [Buffer.from(''), Buffer.from('a'), Buffer.alloc(60 * 1024, 7)];
  const bundle = encodeBundle(entries);
  assert.deepEqual(Buffer.from(bundle.subarray(0, 5)).toString('hex'), '0000000161');
  assert.deepEqual(
    decodeBundle(bundle, 3).map((each) => Buffer.from(each)),
    entries,
  );
  for (const [bytes, width] of [
    [bundle.subarray(0, -1), 3],
    [bundle.subarray(0, 1), 3],
    [bundle, 2],
    [bundle, 4],
    [Buffer.concat([bundle, Buffer.alloc(1)]), 3],
  ] as const) {
    assert.throws(() => decodeBundle(bytes, width), EvidenceError);
  }
  const hashes = entries.map(leafHash);
  assert.deepEqual(
    decodeTile(encodeTile(hashes), 3).map((each) => Buffer.from(each)),
    hashes.map((each) => Buffer.from(each)),
  );
  assert.throws(() => decodeTile(encodeTile(hashes), 2), EvidenceError);
});

test('a proof file comes back as it was, and none with more or less in it', () => {
  const note = formatNote({ text: checkpointText(CHECKPOINT), lines: [lineOf(LOG)] });
  const proof = { index: 3n, hashes: [CHECKPOINT.root, leafHash(Buffer.alloc(1))], note };
  const file = formatProof(proof);
  const again = parseProof(text(file));
  assert.equal(formatProof(again), file);
  assert.deepEqual([again.index, again.note, again.hashes.length], [3n, note, 2]);
  const bad = [
    file.replace('index 3', 'index 03'),
    file.replace('@v1', '@v2'),
    file.replace('index 3', 'extra AAAA\nindex 3'),
    file.replace(/\n\n/, '\n'),
    file.slice(0, 40),
  ];
  for (const each of bad) assert.throws(() => parseProof(text(each)), EvidenceError, each);
});

test('no bytes make a parser fail in another way than by saying what is wrong', () => {
  assertProperty(
    property(uint8Array({ maxLength: 200 }), nat(4), (bytes, which) => {
      const readers = [
        () => parseNote(bytes),
        () => parseProof(bytes),
        () => parsePolicy(Buffer.from(bytes).toString('latin1')),
        () => parseVkey(Buffer.from(bytes).toString('latin1')),
        () => decodeBundle(bytes, 3),
      ];
      try {
        readers[which]?.();
      } catch (error) {
        assert.ok(error instanceof EvidenceError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

interface KeyPair {
  readonly key: NoteKey;
  readonly privateKey: KeyObject;
}

function keyPair(name: string, type: NoteKeyType): KeyPair {
  const { publicKey, privateKey } =
    type === 'cosignature-ml-dsa-44'
      ? generateKeyPairSync('ml-dsa-44')
      : generateKeyPairSync('ed25519');
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return { key: noteKey(name, type, rawKeyOf(type, spki)), privateKey };
}

function lineOf({ key, privateKey }: KeyPair, checkpoint = CHECKPOINT): NoteLine {
  const signature = sign(null, signedMessage(key, checkpoint, 1_700_000_000n), privateKey);
  return {
    name: key.name,
    keyId: key.keyId,
    signature: signatureOf(key.type, 1_700_000_000n, signature),
  };
}

function damagedLine(): NoteLine {
  const line = lineOf(ONE);
  const signature = Buffer.from(line.signature);
  signature[20] = (signature[20] ?? 0) ^ 1;
  return { ...line, signature };
}

function other(): Checkpoint {
  return { ...CHECKPOINT, root: leafHash(Buffer.alloc(4)) };
}
