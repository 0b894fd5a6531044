import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { until } from '../gateway-fixture.ts';
import { BodyReader } from '../http1/body-reader.ts';
import { bodyStep } from '../http1/chunked-decoder.ts';
import { callerAddress } from '../http1/corpus.fixture.ts';
import { requestRows } from '../http1/corpus-rows.fixture.ts';
import { framing, RequestHead } from '../http1/head.ts';
import { parseRequestHead } from '../http1/request-head.ts';
import { trailersHead } from '../http1/trailers.ts';
import { EngineFixture } from './engine.fixture.ts';

/**
 * The first message in `bytes` with all its chunks in one, and where it ends; null: it is not whole. Its octets are only
 * cut here; what they are is compared.
 */
function message(bytes: Buffer): { readonly text: string; readonly end: number } | null {
  const head = new RequestHead({ headBytesMax: 65_536, headersMax: 200, targetBytesMax: 16_384 });
  const bodyStart = parseRequestHead(head, bytes, 0, bytes.length);
  if (bodyStart <= 0) return null;
  const body = new BodyReader(trailersHead());
  body.begin(head);
  const text = (start: number, end: number) => bytes.toString('latin1', start, end);
  let data = '';
  for (let at = bodyStart; ; at = body.next) {
    const step = body.step(bytes, at, bytes.length);
    if (step === bodyStep.data) data += text(body.dataStart, body.dataEnd);
    else if (step !== bodyStep.done) return null;
    else {
      const isChunked = head.framing === framing.chunked && data !== '';
      const size = isChunked ? `${data.length.toString(16)}\r\n` : '';
      const rest = isChunked ? text(body.dataEnd, body.next) : '';
      const plain = data === '' ? text(bodyStart, body.next) : '';
      return { text: text(0, bodyStart) + size + data + rest + plain, end: body.next };
    }
  }
}

/** Every host that a row of the corpus is passed on for. */
const hosts = requestRows.flatMap(([, , , { sent }]) =>
  sent.map((message) => /\r\nhost: ([^\r:]*)/.exec(message)?.[1]?.toLowerCase() ?? ''),
);

test('no row of the corpus reaches an instance but as it is wanted, and refusals are told', async () => {
  let whole: string[] = [];
  const serve = (socket: Socket): void => {
    let received = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      for (let next = message(received); next !== null; next = message(received)) {
        whole.push(next.text);
        received = received.subarray(next.end);
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      }
    });
  };
  await using fixture = await EngineFixture.start([...new Set(hosts)], serve);
  const faults: string[] = [];
  for (const [name, , octets, want] of requestRows) {
    whole = [];
    const socket = await fixture.connect();
    let received = '';
    socket.on('data', (bytes) => (received += bytes.toString('latin1')));
    socket.write(octets, 'latin1');
    const refusals = typeof want.end === 'string' ? 0 : 1;
    const statuses = () =>
      received.match(/HTTP\/1\.1 \d{3}/g)?.filter((each) => !each.endsWith('100')) ?? [];
    await until(() => statuses().length >= want.sent.length + refusals, 3000).catch(() => {
      // Told below by what is missing.
    });
    const status = statuses().at(-1)?.slice(-3);
    const sent = want.sent.map((message) => message.replaceAll(callerAddress, '127.0.0.1'));
    const isAsWanted = JSON.stringify(whole) === JSON.stringify(sent);
    if (!isAsWanted)
      faults.push(`${name}: sent ${JSON.stringify(whole)}, not ${JSON.stringify(sent)}`);
    if (typeof want.end !== 'string' && status !== String(want.end[0])) {
      faults.push(`${name}: answered ${status}, not ${want.end[0]}`);
    }
    socket.destroy();
  }
  assert.deepEqual(faults, []);
});
