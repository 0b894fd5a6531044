import { httpDateText } from '../../../domain/cache/http-fields.ts';
import { cacheStatusHeader } from '../../../domain/cache/cache-status.ts';
import type { Field } from '../../../domain/cache/http-fields.ts';
import type { FixedLines } from '../http1/fixed-lines.ts';
import { STATUS_CODES } from '../node-http.ts';
import type { Served } from './errand.ts';

/** A stored answer as its caller gets it. */
export interface ServedMessage {
  readonly status: number;
  readonly fields: readonly Field[];
  /** Empty for HEAD, 204 and 304. */
  readonly body: Uint8Array;
  /** More lines of the head, each with its end. */
  readonly lines: string;
}

const nothing = new Uint8Array(0);
/** What a 304 repeats of the answer it stands for (RFC 9110 section 15.4.5). */
const ofNotModified = new Set([
  'date',
  'etag',
  'expires',
  'cache-control',
  'content-location',
  'vary',
]);

/** `more`: lines, ready, of the gateway's own, such as which revision answered. */
export function servedMessage(
  { answer, rendering, ageMs, status: cacheStatus }: Served,
  isHead: boolean,
  more: Pick<FixedLines, 'bytes'> | null,
): ServedMessage {
  const age: Field = ['age', String(Math.floor(ageMs / 1000))];
  const own: readonly Field[] = [age, [cacheStatusHeader, cacheStatus]];
  const lines = more === null ? '' : more.bytes.toString('latin1');
  const { fields, body } = answer;
  switch (rendering.kind) {
    case 'whole': {
      const hasLength = answer.status !== 204 && answer.status >= 200;
      const length: readonly Field[] = hasLength
        ? [['content-length', String(body.byteLength)]]
        : [];
      const sent = isHead || !hasLength ? nothing : body;
      return { status: answer.status, fields: [...fields, ...own, ...length], body: sent, lines };
    }
    case 'not-modified': {
      const kept = fields.filter(([name]) => ofNotModified.has(name.toLowerCase()));
      return { status: 304, fields: [...kept, ...own], body: nothing, lines };
    }
    case 'part': {
      const { start, end } = rendering;
      const range = `bytes ${start}-${end - 1}/${body.byteLength}`;
      const part: readonly Field[] = [
        ['content-range', range],
        ['content-length', String(end - start)],
      ];
      const sent = isHead ? nothing : body.subarray(start, end);
      return { status: 206, fields: [...fields, ...own, ...part], body: sent, lines };
    }
    case 'unsatisfiable': {
      const date: Field = ['date', httpDateText(Date.now())];
      const range: Field = ['content-range', `bytes */${body.byteLength}`];
      const length: Field = ['content-length', '0'];
      return { status: 416, fields: [date, range, ...own, length], body: nothing, lines };
    }
  }
}

/** The same as octets of HTTP/1.1. `connection` empty: nothing is said of it. */
export function servedOctets(
  { status, fields, body, lines }: ServedMessage,
  connection: '' | 'close' | 'keep-alive',
): Buffer {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
  for (const [name, value] of fields) head += `${name}: ${value}\r\n`;
  head += lines;
  head += connection === '' ? '\r\n' : `connection: ${connection}\r\n\r\n`;
  const octets = Buffer.allocUnsafeSlow(head.length + body.byteLength);
  octets.write(head, 0, 'latin1');
  octets.set(body, head.length);
  return octets;
}
