import { type Fields, flag, fieldBlock, type Frame, frameType } from './frames.fixture.ts';
import { poison, type Random } from './frame-chaos.fixture.ts';

/** A request, right or wrong by RFC 9113, and what may become of it. */
export interface OddRequest {
  readonly stream: number;
  readonly mark: string;
  readonly isHead: boolean;
  readonly bodyBytes: number;
  /** Nothing of it may reach an instance. */
  readonly isHeadMalformed: boolean;
  /** It may not reach an instance as a whole request. */
  readonly isMalformed: boolean;
  /** What is wrong stands behind a body of known length, which has gone on whole by then. */
  readonly mayComeWhole: boolean;
  /** There is a route for its host. */
  readonly isRouted: boolean;
  readonly frames: readonly Frame[];
}

/** Changes the fields of a good request. */
interface Oddity {
  readonly isMalformed: boolean;
  readonly apply: (fields: Fields, random: Random) => Fields;
}

const add =
  (name: string, value: string) =>
  (fields: Fields): Fields => [...fields, [name, value]];
const put =
  (name: string, value: string) =>
  (fields: Fields): Fields =>
    fields.map((field) => (field[0] === name ? [name, value] : field));
const drop =
  (name: string) =>
  (fields: Fields): Fields =>
    fields.filter((field) => field[0] !== name);

const bad = (apply: Oddity['apply']): Oddity => ({ isMalformed: true, apply });
const good = (apply: Oddity['apply']): Oddity => ({ isMalformed: false, apply });

/** RFC 9113 sections 8.2 and 8.3: malformed, each of them. */
const malformed: readonly Oddity[] = [
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'].map((name) =>
    bad(add(name, poison)),
  ),
  bad(add('transfer-encoding', 'chunked')),
  bad(add('X-Capital', poison)),
  bad(add('te', 'gzip')),
  bad(add('te', 'trailers, gzip')),
  bad(add(':unknown', poison)),
  bad(add(':status', '200')),
  bad(add(':path', `/${poison}`)),
  bad(add(':method', 'GET')),
  bad(add(':authority', 'b')),
  bad((fields) => [[':protocol', 'websocket'], ...fields]),
  bad((fields) => [['x-first', poison], ...fields]),
  bad(drop(':method')),
  bad(drop(':scheme')),
  bad(drop(':path')),
  bad((fields) => drop(':authority')(drop('host')(fields))),
  bad(put(':path', '')),
  bad(put(':path', poison)),
  bad(put(':path', `http://a/${poison}`)),
  bad(put(':path', `/ HTTP/1.1\r\nx: ${poison}\r\n\r\n`)),
  bad(put(':path', `/a ${poison}`)),
  bad(put(':method', `GET / HTTP/1.1\r\nx: ${poison}\r\n\r\nGET`)),
  bad(put(':method', 'CONNECT')),
  bad(put(':scheme', 'ftp')),
  bad(put(':authority', `u@${poison}`)),
  bad(put(':authority', `a\r\nx: ${poison}`)),
  bad(add('host', poison)),
  bad((fields) => [...fields, ['host', 'a'], ['host', 'a']]),
  bad(add('content-length', '1x')),
  bad(add('content-length', '-1')),
  bad(add('content-length', '+0')),
  bad((fields) => [...fields, ['content-length', '0'], ['content-length', '1']]),
];

/** Not malformed, or of one field alone, which is dropped: a value that may be in nothing that is passed on. */
const harmless: readonly Oddity[] = [
  ...['x\r\n', '\r\nx: ', '\0', ' ', '\n'].map((before) => good(add('x-cut', before + poison))),
  good(add('x cut', poison)),
  good(add('', poison)),
  good(add('x-cut', `${poison} `)),
  good(add('te', 'trailers')),
  good((fields) => add('host', 'a')(drop('host')(fields))),
  good(add('x-empty', '')),
  good(add('x-latin', '\xe9\xff')),
  good((fields, random) => add('x-long', 'v'.repeat(random(4000)))(fields)),
  good((fields) => [...fields, ['cookie', 'a=b'], ['cookie', 'c=d']]),
  good((fields, random) => [
    ...fields,
    ...Array.from({ length: random(60) }, (_, index) => [`x-${index}`, 'v'] as const),
  ]),
  good(put(':authority', 'nobody')),
];

const methods = ['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'PATCH'];

/** A stream's frames, in their order; others may come between them, but not between those of one head. */
export function oddRequest(stream: number, mark: string, random: Random): OddRequest {
  const method = methods[random(methods.length)] ?? 'GET';
  let fields: Fields = [
    [':method', method],
    [':scheme', random(8) === 0 ? 'https' : 'http'],
    [':path', `/${mark}`],
    [':authority', 'a'],
  ];
  let isHeadMalformed = false;
  for (let oddities = random(3); oddities > 0; oddities -= 1) {
    const pool = random(2) === 0 ? malformed : harmless;
    const oddity = pool[random(pool.length)];
    if (oddity === undefined) continue;
    // What was there is wrong once more: one oddity may not mend another.
    if (isHeadMalformed) continue;
    isHeadMalformed = oddity.isMalformed;
    fields = oddity.apply(fields, random);
  }
  const body = Array.from({ length: random(2) * random(4) }, () => mark.repeat(random(60)));
  const bodyBytes = body.reduce((sum, piece) => sum + piece.length, 0);
  let isMalformed = isHeadMalformed;
  let hasItsLength = false;
  if (!fields.some(([name]) => name === 'content-length') && random(3) === 0) {
    hasItsLength = true;
    const off = random(3) === 0 ? 1 + random(3) : 0;
    fields = [...fields, ['content-length', String(bodyBytes + off)]];
    isMalformed ||= off > 0;
  }
  const trailers = trailersOf(random);
  const mayComeWhole = !isMalformed && hasItsLength;
  isMalformed ||= trailers?.isMalformed === true;
  const frames = framesOf({ stream, fields, body, trailers: trailers?.fields ?? null }, random);
  const hosts = fields.filter(([name]) => name === ':authority').map(([, value]) => value);
  const isRouted = hosts.includes('a');
  const isHead = method === 'HEAD';
  const known = { stream, mark, isHead, bodyBytes, isRouted, frames };
  return { ...known, isHeadMalformed, isMalformed, mayComeWhole };
}

function trailersOf(random: Random): { fields: Fields; isMalformed: boolean } | null {
  if (random(6) > 0) return null;
  const rows: readonly (readonly [Fields, boolean])[] = [
    [[['x-end', '1']], false],
    [[[':path', '/']], true],
    [[['connection', poison]], true],
    [[['X-End', poison]], true],
    [[['x-end', `a\r\nb: ${poison}`]], false],
  ];
  const [fields, isMalformed] = rows[random(rows.length)] ?? [[], false];
  return { fields, isMalformed };
}

interface Parts {
  readonly stream: number;
  readonly fields: Fields;
  readonly body: readonly string[];
  readonly trailers: Fields | null;
}

function framesOf({ stream, fields, body, trailers }: Parts, random: Random): readonly Frame[] {
  const endsWithHead = body.length === 0 && trailers === null;
  const frames = headFrames(stream, fields, endsWithHead ? flag.endStream : 0, random);
  for (const [index, piece] of body.entries()) {
    const isLast = index === body.length - 1 && trailers === null;
    frames.push(dataFrame(stream, Buffer.from(piece), isLast ? flag.endStream : 0, random));
  }
  if (trailers !== null) frames.push(...headFrames(stream, trailers, flag.endStream, random));
  return frames;
}

/** HEADERS, with priority and padding at times, and up to three CONTINUATION. */
function headFrames(stream: number, fields: Fields, flags: number, random: Random): Frame[] {
  const block = fieldBlock(fields);
  const cuts = Array.from({ length: random(3) }, () => random(block.length + 1)).toSorted(
    (one, other) => one - other,
  );
  const ends = [...cuts, block.length];
  const pieces = ends.map((end, index) => block.subarray(ends[index - 1] ?? 0, end));
  return pieces.map((piece, index) => {
    const isFirst = index === 0;
    const ended = (isFirst ? flags : 0) | (index === pieces.length - 1 ? flag.endHeaders : 0);
    const type = isFirst ? frameType.headers : frameType.continuation;
    if (!isFirst || random(4) > 0) return { type, stream, flags: ended, payload: piece };
    const weighed = Buffer.concat([Buffer.from([0, 0, 0, 0, random(256)]), piece]);
    return { type, stream, flags: ended | flag.priority, payload: weighed };
  });
}

function dataFrame(stream: number, piece: Buffer, flags: number, random: Random): Frame {
  if (random(4) > 0) return { type: frameType.data, stream, flags, payload: piece };
  const padding = random(20);
  const payload = Buffer.concat([Buffer.from([padding]), piece, Buffer.alloc(padding)]);
  return { type: frameType.data, stream, flags: flags | flag.padded, payload };
}

/** All frames of all requests, each request's in order, interleaved; a head is never parted. */
export function interleaved(requests: readonly OddRequest[], random: Random): readonly Frame[] {
  const left = requests.map(({ frames }) => [...frames]);
  const all: Frame[] = [];
  let opened = 0;
  while (left.some((frames) => frames.length > 0)) {
    // Streams are opened in their order (RFC 9113 section 5.1.1).
    const index = Math.min(random(left.length), opened);
    const frames = left[index] ?? [];
    let next = frames.shift();
    if (next === undefined) {
      opened += index === opened && opened < left.length ? 1 : 0;
      continue;
    }
    if (index === opened) opened += 1;
    all.push(next);
    while (frames[0]?.type === frameType.continuation) {
      next = frames.shift();
      if (next !== undefined) all.push(next);
    }
  }
  return all;
}
