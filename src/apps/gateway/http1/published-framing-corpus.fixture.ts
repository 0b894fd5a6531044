import {
  chunked,
  get,
  lines,
  passes,
  post,
  refuses,
  type Row,
  rn,
  sent,
  sentWithLength,
} from './corpus.fixture.ts';

const garden = 'HTTP Garden, trophies (Narf Industries)';
const permutation = 'PortSwigger http-request-smuggler, permutations';
const smuggler = 'defparam/smuggler, mutations';
const klein = 'Klein, HTTP Request Smuggling in 2020';
const llhttpEncoding = 'llhttp, test/request/transfer-encoding';

const hidden = get();
const body = '5\r\nhello\r\n0\r\n\r\n';

/** A POST whose Transfer-Encoding line is written in one of the ways that have hidden it from others. */
function encoded(...headers: readonly string[]): string {
  return post([...headers], body);
}

/** An octet that is no token and no blank, beside the name and the value. */
function besides(octet: number): readonly Row[] {
  const one = String.fromCharCode(octet);
  const fault = octet >= 0x80 ? 'encoding-malformed' : 'field-value';
  const rows: readonly (readonly [string, string, 'field-name' | typeof fault])[] = [
    ['before the name', `${one}Transfer-Encoding: chunked`, 'field-name'],
    ['before the colon', `Transfer-Encoding${one}: chunked`, 'field-name'],
    ['in place of the space', `Transfer-Encoding:${one}chunked`, fault],
    ['behind the value', `Transfer-Encoding: chunked${one}`, fault],
  ];
  return rows
    .map(([where, line, code]): Row => [
      `0x${octet.toString(16)} ${where}`,
      `${smuggler}, exhaustive`,
      encoded(line),
      refuses(400, code),
    ])
    .filter(([name]) => name !== '0xc behind the value' && name !== '0xa0 in place of the space');
}

/** Lengths and encodings. */
const codingRows: readonly Row[] = [
  [
    'a length with + and _',
    garden,
    get('Content-Length: +1_0') + '0123456789',
    refuses(400, 'length-malformed'),
  ],
  [
    'a length of 0x10',
    garden,
    post(['Content-Length: 0x10'], 'Z'),
    refuses(400, 'length-malformed'),
  ],
  ['a length of 1Z', garden, get('Content-Length: 1Z') + 'Z', refuses(400, 'length-malformed')],
  [
    'a length of -48',
    'CVE-2023-34188 (Mongoose)',
    get('Content-Length: -48'),
    refuses(400, 'length-malformed'),
  ],
  [
    'a length of 010, which is eight to some',
    garden,
    post(['Content-Length: 010'], '0123456789'),
    passes(sentWithLength('0123456789')),
  ],
  [
    'an empty length before another',
    'CVE-2023-40225 (HAProxy)',
    post(['Content-Length:', `Content-Length: ${hidden.length}`], hidden),
    refuses(400, 'length-repeated'),
  ],
  [
    'a length of 1, then 0',
    garden,
    get('Content-Length: 1', 'Content-Length: 0') + 'Z',
    refuses(400, 'length-repeated'),
  ],
  [
    'letters for a length beside chunked',
    garden,
    post(['Content-Length: blahblahblah', 'Transfer-Encoding: chunked'], '1\r\nZ\r\n0\r\n\r\n'),
    refuses(400, 'length-beside-encoding'),
  ],
  [
    'a name that begins as Content-Length and is 270 octets long',
    'CVE-2021-40346 (HAProxy)',
    post([`Content-Length0${'a'.repeat(255)}: 1`, 'Content-Length: 5'], 'hello'),
    refuses(431, 'field-name-too-long'),
  ],
  [
    'a name of 255 octets',
    'limit',
    post([`X${'a'.repeat(254)}: 1`, 'Content-Length: 5'], 'hello'),
    passes(sentWithLength('hello', [`X${'a'.repeat(254)}: 1`])),
  ],
  [
    'a name of 256 octets',
    'limit',
    post([`X${'a'.repeat(255)}: 1`, 'Content-Length: 5'], 'hello'),
    refuses(431, 'field-name-too-long'),
  ],
  [
    'a comma before chunked',
    garden,
    encoded('Transfer-Encoding: ,chunked'),
    refuses(501, 'encoding-not-served'),
  ],
  [
    'a comma before chunked, and a length',
    garden,
    post(['Transfer-Encoding: ,chunked', 'Content-Length: 5'], '0\r\n\r\n'),
    refuses(400, 'length-beside-encoding'),
  ],
  [
    'a space in the name',
    permutation,
    encoded('Transfer Encoding: chunked'),
    refuses(400, 'space-before-colon'),
  ],
  [
    'a space in the name and none behind the colon',
    smuggler,
    encoded('Transfer Encoding:chunked'),
    refuses(400, 'space-before-colon'),
  ],
  [
    'a space before the name, folded to another',
    permutation,
    encoded('Foo: bar', ' Transfer-Encoding: chunked'),
    refuses(400, 'folded-line'),
  ],
  [
    'a tab before the name, folded to another',
    permutation,
    encoded('Foo: bar', '\tTransfer-Encoding: chunked'),
    refuses(400, 'folded-line'),
  ],
  [
    'LF and a space before the value',
    permutation,
    encoded('Transfer-Encoding:\n chunked'),
    refuses(400, 'line-ending'),
  ],
  [
    'LF and a space before the colon',
    permutation,
    encoded('Transfer-Encoding\n : chunked'),
    refuses(400, 'line-ending'),
  ],
  [
    'CR between two headers',
    permutation,
    encoded('Foo: bar\rTransfer-Encoding: chunked'),
    refuses(400, 'line-ending'),
  ],
  [
    'LF between two headers',
    permutation,
    encoded('Foo: bar\nTransfer-Encoding: chunked'),
    refuses(400, 'line-ending'),
  ],
  [
    'LF and a vertical tab before the value',
    permutation,
    encoded('Transfer-Encoding: \n\vchunked'),
    refuses(400, 'line-ending'),
  ],
  [
    'the value on the next line',
    permutation,
    encoded('Transfer-Encoding: ', '\tchunked'),
    refuses(400, 'folded-line'),
  ],
  [
    'CR before the name',
    permutation,
    encoded('Foo: bar', '\rTransfer-Encoding: chunked'),
    refuses(400, 'line-ending'),
  ],
  [
    'CR within the name',
    permutation,
    encoded('Tra\rnsfer-Encoding: chunked'),
    refuses(400, 'line-ending'),
  ],
  [
    'Connection naming it',
    permutation,
    encoded('Connection: Transfer-Encoding', 'Transfer-Encoding: chunked'),
    refuses(400, 'connection-names-end-to-end'),
  ],
  [
    'a word between name and colon',
    klein,
    encoded('Transfer-Encoding x: chunked'),
    refuses(400, 'space-before-colon'),
  ],
  [
    'a backslash for the hyphen',
    klein,
    encoded('Transfer\\Encoding: chunked'),
    refuses(400, 'field-name'),
  ],
  [
    'two LF and it behind them',
    permutation,
    encoded('X: y', 'Foo: barn\n\nTransfer-Encoding: chunked'),
    refuses(400, 'line-ending'),
  ],
  [
    'cow behind chunked',
    smuggler,
    encoded('Transfer-Encoding: chunked, cow'),
    refuses(400, 'encoding-malformed'),
  ],
  [
    'cow before chunked',
    smuggler,
    encoded('Transfer-Encoding: cow, chunked'),
    refuses(501, 'encoding-not-served'),
  ],
  [
    'cow, then chunked',
    smuggler,
    encoded('Transfer-Encoding: cow', 'Transfer-Encoding: chunked'),
    refuses(400, 'encoding-repeated'),
  ],
  [
    'words around chunked',
    smuggler,
    encoded('Transfer-Encoding: cow chunked bar'),
    refuses(400, 'encoding-malformed'),
  ],
  [
    'tabs around the colon',
    smuggler,
    encoded('Transfer-Encoding\t:\tchunked'),
    refuses(400, 'space-before-colon'),
  ],
  ...([0x01, 0x0b, 0x0c, 0x1f, 0x7f, 0xa0] as const).flatMap(besides),
  [
    'chunked for a content coding, and a length',
    permutation,
    post(['Content-Encoding: chunked', 'Content-Length: 5'], 'hello'),
    passes(sentWithLength('hello', ['Content-Encoding: chunked'])),
  ],
  [
    'two encodings, one of them unknown',
    'CVE-2020-8287 (Node.js)',
    encoded('Transfer-Encoding: chunked', 'Transfer-Encoding: eee'),
    refuses(400, 'encoding-repeated'),
  ],
  [
    'a list that goes on in the next line',
    'CVE-2022-32215 (Node.js)',
    encoded('Transfer-Encoding: chunked', ' , identity'),
    refuses(400, 'folded-line'),
  ],
  [
    'pigeons',
    llhttpEncoding,
    encoded('Transfer-Encoding: pigeons'),
    refuses(400, 'encoding-malformed'),
  ],
  [
    'an empty encoding beside a length',
    llhttpEncoding,
    post(['Transfer-Encoding:', 'Content-Length: 5'], 'hello'),
    refuses(400, 'length-beside-encoding'),
  ],
  [
    'three empty encodings beside a length',
    llhttpEncoding,
    post(
      ['Content-Length: 10', 'Transfer-Encoding:', 'Transfer-Encoding:', 'Transfer-Encoding:'],
      '2\r\nAA\r\n0\r\n',
    ),
    refuses(400, 'length-beside-encoding'),
  ],
  ...(['GET', 'HEAD', 'DELETE'] as const).map((method): Row => [
    `a body with ${method} in HTTP/1.0`,
    'RFC 9110 9.3.1; HAProxy 2.6 answers 413',
    lines(`${method} / HTTP/1.0`, 'Host: a', 'Content-Length: 5', '') + 'hello',
    refuses(400, 'body-old-version'),
  ]),
  [
    'a body of no octets with GET in HTTP/1.0',
    'RFC 9110 9.3.1',
    lines('GET / HTTP/1.0', 'Host: a', 'Content-Length: 0', ''),
    passes(sent('GET /', [], 'content-length: 0\r\n\r\n')),
  ],
];

/** Chunks. */
const chunkRows: readonly Row[] = [
  ['a size of 0_2e', garden, chunked(`0_2e${rn}${rn}${hidden}`), refuses(400, 'chunk-size')],
  ['a size of 0x2_e', garden, chunked(`0x2_e${rn}${rn}${hidden}`), refuses(400, 'chunk-size')],
  ['a size of Z', garden, chunked('Z\r\nZZ\r\nZZZ\r\n\r\n'), refuses(400, 'chunk-size')],
  [
    'words behind the size',
    garden,
    chunked('1these-bytes-never-get-validated\r\nZ\r\n0\r\n\r\n'),
    refuses(400, 'chunk-size'),
  ],
  [
    'two CR and an extension',
    'HTTP Garden; Akamai, Google, Apache Traffic Server',
    chunked(`2\r\r;a${rn}02${rn}41${rn}0${rn}${rn}${hidden}`),
    refuses(400, 'line-ending'),
  ],
  [
    'CR before the semicolon of an extension',
    garden,
    chunked('1\r\n\r;chunk-ext-name\r\nZ\r\n0\r\n\r\n'),
    refuses(400, 'chunk-ending'),
  ],
  ['two empty sizes', garden, chunked(rn + rn), refuses(400, 'chunk-size')],
  ['two empty sizes and a request', garden, chunked(rn + rn + hidden), refuses(400, 'chunk-size')],
  [
    'an empty line behind a chunk',
    garden,
    chunked(`1${rn}Z${rn}${rn}${rn}${hidden}`),
    refuses(400, 'chunk-size'),
  ],
  [
    'LF for the end of a chunk',
    garden,
    chunked('a\r\n0123456789\n0\r\n\r\n'),
    refuses(400, 'chunk-ending'),
  ],
  [
    'words behind the size, and behind the last one',
    llhttpEncoding,
    chunked('2 erfrferferf\r\naa\r\n0 rrrr\r\n\r\n'),
    refuses(400, 'chunk-size'),
  ],
  [
    'nothing behind the semicolon',
    llhttpEncoding,
    chunked('2;\r\naa\r\n0\r\n\r\n'),
    refuses(400, 'chunk-extension'),
  ],
  [
    'a quote that is not closed',
    llhttpEncoding,
    chunked('5;ilovew3="abc";somuchlove="def; ghi\r\nhello\r\n0\r\n\r\n'),
    refuses(400, 'chunk-extension'),
  ],
  [
    'CR within an extension',
    'CVE-2025-55315 (Kestrel)',
    chunked('2;a\rxx\r\nab\r\n0\r\n\r\n'),
    refuses(400, 'line-ending'),
  ],
  [
    'two Hosts among the trailers',
    'found beside HAProxy 2.6, which refuses them',
    chunked('0\r\nHost: b\r\nHost: a\r\n\r\n'),
    refuses(400, 'trailer-frames'),
  ],
];

/** Lengths, codings and chunks that others have published, each of which two programs have read in two ways. */
export const publishedFramingRows: readonly Row[] = [...codingRows, ...chunkRows];
