/** What has hidden a second request from one of two readers: at the API nothing in front may see another end than the server does. */

const rn = '\r\n';

function lines(...all: readonly string[]): string {
  return all.map((line) => line + rn).join('');
}

/** The request that must never be answered. */
export const hiddenPath = '/v1/hidden';
const hidden = lines(`GET ${hiddenPath} HTTP/1.1`, 'Host: localhost', '');

function post(headers: readonly string[], body: string): string {
  const own = ['Host: localhost', 'Content-Type: text/plain'];
  return lines('POST /v1/written HTTP/1.1', ...own, ...headers, '') + body;
}

const length = `Content-Length: ${hidden.length}`;
const chunks = `5${rn}hello${rn}0${rn}${rn}`;

function encoded(line: string, body = chunks): string {
  return post([line], body) + hidden;
}

/** Each is refused, and nothing behind it is read: sources as in the corpus of the gateway. */
export const refused: readonly (readonly [name: string, octets: string])[] = [
  [
    'a length and an encoding',
    post([length, 'Transfer-Encoding: chunked'], `0${rn}${rn}${hidden}`),
  ],
  [
    'an encoding and a length',
    post(['Transfer-Encoding: chunked', length], `0${rn}${rn}${hidden}`),
  ],
  ['two lengths that differ', post(['Content-Length: 0', length], hidden)],
  ['two lengths in one line', post([`Content-Length: 0, ${hidden.length}`], hidden)],
  ['two lengths that are the same', post([length, length], hidden) + hidden],
  ['a length with a sign', post([`Content-Length: +${hidden.length}`], hidden)],
  ['a negative length', post(['Content-Length: -1'], hidden)],
  ['a length in hexadecimal', post(['Content-Length: 0x10'], hidden)],
  ['a length with an underscore', post(['Content-Length: 1_0'], hidden)],
  ['an empty length', post(['Content-Length: '], hidden)],
  ['a length with a space before the colon', post([`Content-Length : ${hidden.length}`], hidden)],
  ['an encoding with a space before the colon', encoded('Transfer-Encoding : chunked')],
  ['an encoding that is none', encoded('Transfer-Encoding: xchunked')],
  [
    'an encoding behind another that is not served',
    encoded('Transfer-Encoding: chunked, identity'),
  ],
  ['an encoding with a vertical tab', encoded('Transfer-Encoding: \x0bchunked')],
  ['an encoding in quotes', encoded('Transfer-Encoding: "chunked"')],
  ['an encoding with a NUL', encoded('Transfer-Encoding: chunked\0')],
  ['an encoding behind a bare CR', encoded('X: a\rTransfer-Encoding: chunked')],
  ['an encoding on a folded line', encoded(`Transfer-Encoding:${rn} chunked`)],
  ['a header on a folded line', encoded(`X: a${rn} b${rn}Transfer-Encoding: chunked`)],
  ['a bare LF behind a header', encoded('X: a\nTransfer-Encoding: chunked')],
  [
    'a bare LF behind the head',
    `POST /v1/written HTTP/1.1${rn}Host: localhost\n${length}\n\n${hidden}`,
  ],
  ['a NUL in a name', encoded('Transfer\0-Encoding: chunked')],
  ['a blank line with a space', encoded(' Transfer-Encoding: chunked')],
  ['a chunk size with 0x', encoded('Transfer-Encoding: chunked', `0x5${rn}hello${rn}0${rn}${rn}`)],
  [
    'a chunk size with a sign',
    encoded('Transfer-Encoding: chunked', `+5${rn}hello${rn}0${rn}${rn}`),
  ],
  [
    'a chunk size with blanks',
    encoded('Transfer-Encoding: chunked', `5 ${rn}hello${rn}0${rn}${rn}`),
  ],
  [
    'a chunk size beyond 64 bits',
    encoded('Transfer-Encoding: chunked', `10000000000000005${rn}hello`),
  ],
  ['an empty chunk size', encoded('Transfer-Encoding: chunked', `${rn}hello${rn}0${rn}${rn}`)],
  ['a chunk that ends in LF', encoded('Transfer-Encoding: chunked', `5\nhello${rn}0${rn}${rn}`)],
  ['a chunk without its end', encoded('Transfer-Encoding: chunked', `5${rn}helloXX0${rn}${rn}`)],
  [
    'a chunk shorter than its size',
    encoded('Transfer-Encoding: chunked', `6${rn}hello${rn}0${rn}${rn}`),
  ],
  [
    'an extension that ends in LF',
    encoded('Transfer-Encoding: chunked', `5;a\nhello${rn}0${rn}${rn}`),
  ],
  [
    'extensions over the limit of 16 KiB',
    encoded('Transfer-Encoding: chunked', `5;${'a'.repeat(17_000)}${rn}hello${rn}0${rn}${rn}`),
  ],
  ['a version that is none', `GET /livez HTTP/1.9${rn}Host: localhost${rn}${rn}${hidden}`],
  [
    'a head over its limit',
    `GET /livez HTTP/1.1${rn}Host: localhost${rn}X: ${'a'.repeat(20_000)}${rn}${rn}${hidden}`,
  ],
  ['a request line that is none', `GET  /livez HTTP/1.1 X${rn}Host: localhost${rn}${rn}${hidden}`],
  ['what no HTTP begins with', `\x16\x03\x01\x02${rn}${rn}${hidden}`],
];

/** The hidden request is a body, and is read as that: it is answered by nobody, and what comes behind it in order is. */
export const asBody: readonly (readonly [name: string, octets: string])[] = [
  ['a length', post([length], hidden)],
  [
    'one chunk',
    post(
      ['Transfer-Encoding: chunked'],
      `${hidden.length.toString(16)}${rn}${hidden}${rn}0${rn}${rn}`,
    ),
  ],
  ['a length with GET', `GET /livez HTTP/1.1${rn}Host: localhost${rn}${length}${rn}${rn}${hidden}`],
];

/** Refused by node:http when it has read on already: what comes behind it is no body, and is not answered either. */
export const withoutHost = `GET /livez HTTP/1.1${rn}${rn}`;

export const following = lines('GET /v1/following HTTP/1.1', 'Host: localhost', '');
