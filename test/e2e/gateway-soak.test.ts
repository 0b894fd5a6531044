/** The soak of the gateway (bench/gateway-soak) in short, and that its checks see what they are there for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blockBytes, Content, ContentCheck } from '../../bench/gateway-soak/content.ts';
import { soak } from '../../bench/gateway-soak/main.ts';
import { MessageCheck, messageOf, textOf } from '../../bench/gateway-soak/messages.ts';

const plan = {
  isBuilt: false,
  bodies: 1,
  bodiesAtOnce: 4,
  hugeBytes: 32 * 1024 ** 2,
  connections: 200,
  activeConnections: 50,
  activeSeconds: 1,
  webSockets: 4,
  webSocketSeconds: 2,
  grpcConnections: 2,
  grpcSeconds: 2,
};

test('bodies, connections, WebSockets and calls of gRPC come through changes of weights every 50 ms whole', async () => {
  const signal = AbortSignal.timeout(300_000);
  const { result, notes } = await soak(plan, { isQuick: true, say: () => {}, signal });
  assert.equal(result['faults'], 0, notes.join('\n'));
  assert.equal(result['bodies'], 4);
  assert.equal(result['bodiesFailed'], 0);
  assert.equal(result['hugeFailed'], 0);
  assert.equal(result['connectionRequestsFailed'], 0);
  assert.equal(result['webSocketsBroken'], 0);
  assert.equal(result['grpcFailed'], 0);
  assert.ok(Number(result['grpcUnaryCalls']) > 0, JSON.stringify(result));
  assert.ok(Number(result['grpcStreamCalls']) > 0, JSON.stringify(result));
  assert.ok(Number(result['webSocketMessages']) > 4, JSON.stringify(result));
  assert.ok(Number(result['weightChanges']) > 10, JSON.stringify(result));
  // Four bodies under way of more than that, if they were kept.
  assert.ok(Number(result['hugeRssMbMost']) < 300, JSON.stringify(result));
});

const bytes = 3 * blockBytes;

function contentOf(stream: number): Buffer {
  const content = new Content(stream);
  return Buffer.concat([0, 1, 2].map((index) => Buffer.from(content.block(index))));
}

function check(stream: number, octets: Buffer): string | null {
  const found = new ContentCheck(stream);
  for (let at = 0; at < octets.length; at += 1000) found.take(octets.subarray(at, at + 1000));
  return found.ended(bytes);
}

test('content is as it was sent, however it is cut', () => {
  assert.equal(check(7, contentOf(7)), null);
});

const flipped = contentOf(7);
flipped[100_000] = (flipped[100_000] ?? 0) ^ 1;
const [first, second, third] = [0, 1, 2].map((index) =>
  contentOf(7).subarray(index * blockBytes, (index + 1) * blockBytes),
) as [Buffer, Buffer, Buffer];

for (const [name, octets] of [
  ['an octet changed', flipped],
  ['an octet lost', Buffer.concat([first.subarray(1), second, third])],
  ['an octet too many', Buffer.concat([first, second, third, Buffer.from('x')])],
  ['two blocks that have changed places', Buffer.concat([second, first, third])],
  ['a block twice', Buffer.concat([first, first, third])],
  ['its end missing', Buffer.concat([first, second])],
  [
    'a block of another stream',
    Buffer.concat([first, contentOf(8).subarray(0, blockBytes), third]),
  ],
] as const) {
  test(`content with ${name} is seen`, () => {
    assert.notEqual(check(7, octets), null);
  });
}

test('messages are taken in their order only, binary or as text', () => {
  const content = new Content(3);
  const messages = [0, 1, 2].map((sequence) => messageOf(content, 3, sequence));
  const [one, two, three] = messages as [Buffer, Buffer, Buffer];
  const inOrder = new MessageCheck(3);
  assert.equal(inOrder.take(one), null);
  assert.equal(inOrder.take(Buffer.from(textOf(two))), null);
  assert.equal(inOrder.take(three), null);
  assert.notEqual(new MessageCheck(3).take(two), null, 'the second first');
  assert.notEqual(new MessageCheck(4).take(one), null, "another connection's");
  assert.notEqual(inOrder.take(three), null, 'twice');
});
