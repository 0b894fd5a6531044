import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disagreement } from './agreement.fixture.ts';
import { requestRows } from './corpus-rows.fixture.ts';
import { LlhttpReader } from './llhttp-reading.fixture.ts';
import { NodeReader } from './node-reading.fixture.ts';
import { requestsReader } from './reading.fixture.ts';

/**
 * Codes of our refusals of which node:http serves at least one row, Node 24.21: where we are stricter. Of 264 refused
 * rows it serves 62 (llhttp as undici ships it 64): Hosts that are no host, are there twice or contradict the target,
 * Connections that name end-to-end headers, chunked in HTTP/1.0, codings other than chunked, HTTP/0.9 and HTTP/2.0, a
 * request line without version, targets that are neither path nor URL, and what is over a limit that it does not have.
 */
const stricter = [
  'connection-malformed',
  'connection-names-end-to-end',
  'encoding-not-served',
  'encoding-old-version',
  'host-differs',
  'host-malformed',
  'host-repeated',
  'line-ending',
  'target-form',
  'too-many-headers',
  'version-not-served',
];

const read = requestsReader();

test('no row of the corpus is passed on that the strict parser of node:http or llhttp refuses', async () => {
  const node = new NodeReader();
  const llhttp = new LlhttpReader('request');
  for (const [name, , text] of requestRows) {
    const octets = Buffer.from(text, 'latin1');
    const ours = read(octets, []);
    assert.equal(disagreement(ours, llhttp.read(octets)), null, `llhttp: ${name}`);
    if (/^upgrade:/im.test(text)) continue; // See fuzz.fixture.ts.
    assert.equal(disagreement(ours, await node.read(octets)), null, `node:http: ${name}`);
  }
});

test('node:http serves what we refuse for these reasons, so its parser alone would not do', async () => {
  const node = new NodeReader();
  const found = new Set<string>();
  for (const [, , text, want] of requestRows) {
    if (typeof want.end === 'string') continue;
    const theirs = await node.read(Buffer.from(text, 'latin1'));
    const isServed = !theirs.isRefused && theirs.messages.at(-1)?.isWhole === true;
    if (!isServed || theirs.messages.length <= want.sent.length) continue;
    found.add(want.end[1]);
  }
  assert.deepEqual(
    stricter.filter((code) => !found.has(code)),
    [],
  );
});
