/** A stream of numbers below `bound` from a seed (mulberry32, by T. Ettinger): the same seed, the same run. */
export function randomFrom(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}

/** What parsers have stumbled over, put in anywhere. */
const pieces = [
  '\r',
  '\n',
  '\r\n',
  '\n\n',
  '\r\n\r\n',
  '\r\r\n',
  ' ',
  '\t',
  '\v',
  '\f',
  '\0',
  '\x7f',
  '\x80',
  '\xa0',
  '\xff',
  ':',
  ',',
  ';',
  '=',
  '"',
  '\\',
  '#',
  '?',
  '/',
  '-',
  '+',
  '_',
  '0',
  '5',
  'a',
  'x',
  '0x',
  ' HTTP/1.1',
  '\r\n ',
  '\r\n\t',
  ' :',
  '0\r\n\r\n',
] as const;

/** Lines put in between two others. */
const linesPut = [
  'Content-Length: 5',
  'Content-Length: 0',
  'Content-Length : 5',
  ' Content-Length: 5',
  'content-length: 5, 5',
  'Content-Length: 05',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding: identity',
  'transfer-encoding: xchunked',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: chunked ',
  'TE: trailers',
  'Trailer: X',
  'Host: a',
  'Host: b',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: upgrade',
  'Connection: x',
  'Proxy-Connection: close',
  'Upgrade: x',
  'Expect: 100-continue',
  'X: 1',
  'X:',
  ':',
  '',
  ' ',
  '5',
  '0',
  '5;a=b',
  '5;a="b',
  'hello',
  'GET / HTTP/1.1',
  'HTTP/1.1 200 OK',
] as const;

/** One to four changes to the octets of a row; `others` are rows to take parts of. */
export function mutate(
  row: string,
  others: readonly string[],
  random: (bound: number) => number,
): string {
  let text = row;
  const changes = 1 + random(4);
  for (let change = 0; change < changes; change += 1) text = changed(text, others, random);
  return text;
}

function changed(
  text: string,
  others: readonly string[],
  random: (bound: number) => number,
): string {
  const at = random(text.length + 1);
  const lineAt = text.indexOf('\r\n', at) + 2;
  switch (random(11)) {
    case 0:
      return put(text, at, pieces[random(pieces.length)] ?? '');
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + random(3));
    case 2:
      return text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1);
    case 3:
    case 4:
      return put(text, lineAt, `${linesPut[random(linesPut.length)] ?? ''}\r\n`);
    case 5:
      return text.slice(0, lineAt) + text.slice(at, lineAt) + text.slice(lineAt);
    case 6:
      return (
        text.slice(0, at) +
        text.slice(at).replace('\r\n', ['\n', '\r', '', '\r\n\r\n'][random(4)] ?? '')
      );
    case 7:
      return text.slice(0, at) + (others[random(others.length)] ?? '').slice(random(40));
    case 8:
      return text + (others[random(others.length)] ?? '');
    case 9:
      return text.slice(0, at) + text.slice(at, at + 8).toUpperCase() + text.slice(at + 8);
    default:
      return text.slice(0, at) + text.slice(at).replace(/\d/, String(random(10)));
  }
}

function put(text: string, at: number, piece: string): string {
  return text.slice(0, at) + piece + text.slice(at);
}
