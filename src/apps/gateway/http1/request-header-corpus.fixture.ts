import {
  callerAddress,
  get,
  lines,
  passes,
  refuses,
  rn,
  type Row,
  sent,
  sentWithLength,
  post,
} from './corpus.fixture.ts';

const desync = 'PortSwigger http-request-smuggler, DesyncBox';
const probe = 'Http11Probe (MDA2AV)';
const h1spec = 'h1spec (uNetworking)';

/** Every control character but HTAB, CR and LF is one row. */
const controls = [...Array.from({ length: 32 }, (_, octet) => octet), 127].filter(
  (octet) => octet !== 9 && octet !== 10 && octet !== 13,
);

/** Header lines, Connection, Expect and the limits. */
export const requestHeaderRows: readonly Row[] = [
  ...controls.map((octet): Row => {
    const name = `the control character ${octet} in a value`;
    return [
      name,
      'RFC 9110 5.5',
      get(`X: a${String.fromCharCode(octet)}b`),
      refuses(400, 'field-value'),
    ];
  }),
  ...Array.from('()<>@,;\\"/[]?={}', (letter): Row => {
    return [
      `${letter} in a name`,
      'RFC 9110 5.6.2',
      get(`X${letter}Y: 1`),
      refuses(400, 'field-name'),
    ];
  }),
  [
    'every octet that a value may have',
    'RFC 9110 5.5',
    get(`X: ${everyValueOctet()}`),
    passes(sent('GET /', [`X: ${everyValueOctet()}`])),
  ],
  [
    'every letter that a name may have',
    'RFC 9110 5.6.2',
    get("aZ09!#$%&'*+-.^_`|~: 1"),
    passes(sent('GET /', ["aZ09!#$%&'*+-.^_`|~: 1"])),
  ],
  ['blanks around a value', 'RFC 9112 5', get('X: \t 1 \t'), passes(sent('GET /', ['X: 1']))],
  [
    'no blank before a value',
    'RFC 9112 5',
    get('X:1', 'Y: 2'),
    passes(sent('GET /', ['X: 1', 'Y: 2'])),
  ],
  ['an empty value', h1spec, get('X:', 'Y: 1'), passes(sent('GET /', ['X: ', 'Y: 1']))],
  ['a value of blanks', h1spec, get('X:   '), passes(sent('GET /', ['X: ']))],
  [
    'a repeated header',
    'RFC 9110 5.2',
    get('X: 1', 'X: 2'),
    passes(sent('GET /', ['X: 1', 'X: 2'])),
  ],
  ['a colon in a value', 'RFC 9112 5', get('X: a:b'), passes(sent('GET /', ['X: a:b']))],

  ['a space before the colon', 'RFC 9112 5.1', get('X : 1'), refuses(400, 'space-before-colon')],
  ['a tab before the colon', 'RFC 9112 5.1', get('X\t: 1'), refuses(400, 'space-before-colon')],
  [
    'a space before the colon of Transfer-Encoding',
    'CVE-2019-16276 (Go)',
    post(['Transfer-Encoding : chunked'], '0\r\n\r\n'),
    refuses(400, 'space-before-colon'),
  ],
  [
    'a word before the colon',
    'Klein, HTTP Request Smuggling in 2020',
    post(['Content-Length x: 5'], 'hello'),
    refuses(400, 'space-before-colon'),
  ],
  [
    'a space within a name',
    desync,
    post(['Content Length: 5'], 'hello'),
    refuses(400, 'space-before-colon'),
  ],
  ['a vertical tab before the colon', desync, get('X\v: 1'), refuses(400, 'field-name')],
  [
    'a backslash in a name',
    'Klein, HTTP Request Smuggling in 2020',
    post(['Content\\Length: 5'], 'hello'),
    refuses(400, 'field-name'),
  ],
  ['a name beyond ASCII', desync, get('Transf\x82r-Encoding: chunked'), refuses(400, 'field-name')],
  ['a NUL in a name', probe, get('X\0Y: 1'), refuses(400, 'field-name')],
  ['CR in a name', desync, post(['Con\rtent-Length: 5'], 'hello'), refuses(400, 'line-ending')],
  ['no name', 'CVE-2023-25725 (HAProxy)', get(': 1'), refuses(400, 'field-name')],
  ['no colon', 'RFC 9112 5', get('X'), refuses(400, 'line-ending')],
  ['a colon only', 'CVE-2023-25725 (HAProxy)', get(':'), refuses(400, 'field-name')],
  [
    'a NUL as the first octet of a name',
    'Kettle, HTTP/1.1 Must Die (2025)',
    get('\0X: 1'),
    refuses(400, 'field-name'),
  ],

  ['a folded value', 'RFC 9112 5.2', get('X: 1', ' 2'), refuses(400, 'folded-line')],
  ['a value folded by a tab', desync, get('X: 1', '\t2'), refuses(400, 'folded-line')],
  [
    'a folded Transfer-Encoding',
    desync,
    post(['Transfer-Encoding:', ' chunked'], '0\r\n\r\n'),
    refuses(400, 'folded-line'),
  ],
  [
    'a header hidden behind a space',
    'Kettle, HTTP/1.1 Must Die (2025)',
    post(['X: 1', ' Content-Length: 5'], 'hello'),
    refuses(400, 'folded-line'),
  ],
  [
    'a blank before the first header',
    'RFC 9112 2.2',
    lines('GET / HTTP/1.1', ' Host: a', 'Host: a', ''),
    refuses(400, 'folded-line'),
  ],
  ['a line of a space only', 'RFC 9112 2.2', get(' '), refuses(400, 'folded-line')],
  [
    'a fold by LF and a vertical tab',
    desync,
    post(['Content-Length: \n\v5'], 'hello'),
    refuses(400, 'line-ending'),
  ],
  [
    'a colon on the next line',
    desync,
    post(['Content-Length\n : 5'], 'hello'),
    refuses(400, 'line-ending'),
  ],

  [
    'LF at the end of a header',
    'RFC 9112 2.2',
    `GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n`,
    refuses(400, 'line-ending'),
  ],
  [
    'LF LF at the end of a head',
    'RFC 9112 2.2',
    'GET / HTTP/1.1\r\nHost: a\r\nX: 1\n\n',
    refuses(400, 'line-ending'),
  ],
  [
    'CR LF LF at the end of a head',
    'RFC 9112 2.2',
    'GET / HTTP/1.1\r\nHost: a\r\n\n',
    refuses(400, 'line-ending'),
  ],
  [
    'LF CR LF at the end of a head',
    'RFC 9112 2.2',
    'GET / HTTP/1.1\r\nHost: a\n\r\n',
    refuses(400, 'line-ending'),
  ],
  ['CR within a value', 'CVE-2023-30589 (Node.js)', get('X: a\rb'), refuses(400, 'line-ending')],
  [
    'headers parted by CR',
    'llhttp, test/request/invalid',
    get('X: 1\rContent-Length: 5'),
    refuses(400, 'line-ending'),
  ],
  ['CR CR LF at the end of a value', desync, get('X: 1\r'), refuses(400, 'line-ending')],
  ['CR before a name', desync, get('X: 1', '\rContent-Length: 5'), refuses(400, 'line-ending')],
  [
    'CR LF CR X at the end of a head',
    'CVE-2025-23167 (Node.js)',
    'GET / HTTP/1.1\r\nHost: a\r\n\rX: 1\r\n\r\n',
    refuses(400, 'line-ending'),
  ],
  [
    'two lines in a value by LF LF',
    desync,
    post(['X: y\n\nTransfer-Encoding: chunked'], '0\r\n\r\n'),
    refuses(400, 'line-ending'),
  ],

  [
    'hop-by-hop headers',
    'RFC 9110 7.6.1',
    get(
      'Connection: close',
      'Keep-Alive: 1',
      'Proxy-Connection: close',
      'TE: gzip',
      'Trailer: X',
      'Upgrade: x',
      'X: 1',
    ),
    passes(sent('GET /', ['X: 1'])),
  ],
  [
    'headers named by Connection',
    'RFC 9110 7.6.1',
    get('A: 1', 'Connection: x, Y', 'X: 1', 'y: 2', 'Z: 3', 'x: 4'),
    passes(sent('GET /', ['A: 1', 'Z: 3'])),
  ],
  [
    'two Connections',
    'RFC 9110 5.3',
    get('Connection: x', 'X: 1', 'Connection: y', 'Y: 2'),
    passes(sent('GET /')),
  ],
  [
    'empty items in Connection',
    'RFC 9110 5.6.1.2',
    get('Connection: ,, x ,', 'X: 1'),
    passes(sent('GET /')),
  ],
  [
    'a Connection that names nothing there',
    'RFC 9110 7.6.1',
    get('Connection: x'),
    passes(sent('GET /')),
  ],
  ['an empty Connection', 'RFC 9110 7.6.1', get('Connection:'), passes(sent('GET /'))],
  [
    'a Connection that is no list',
    'RFC 9110 7.6.1',
    get('Connection: x y'),
    refuses(400, 'connection-malformed'),
  ],
  [
    'a quoted Connection',
    'RFC 9110 7.6.1',
    get('Connection: "close"'),
    refuses(400, 'connection-malformed'),
  ],
  [
    'a Connection of 32 names',
    'limit',
    get(`Connection: ${'x,'.repeat(32)}`),
    passes(sent('GET /')),
  ],
  [
    'a Connection of 33 names',
    'limit',
    get(`Connection: ${'x,'.repeat(33)}`),
    refuses(400, 'connection-malformed'),
  ],
  [
    'Connection that names Host',
    'Davison, Abusing hop-by-hop headers (2019)',
    get('Connection: host'),
    refuses(400, 'connection-names-end-to-end'),
  ],
  [
    'Connection that names Content-Length',
    desync,
    post(['Connection: Content-Length', 'Content-Length: 5'], 'hello'),
    refuses(400, 'connection-names-end-to-end'),
  ],
  [
    'Connection that names Transfer-Encoding',
    desync,
    post(['Connection: close, transfer-encoding', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
    refuses(400, 'connection-names-end-to-end'),
  ],
  [
    'Connection that names Cookie',
    'Davison, Abusing hop-by-hop headers (2019)',
    get('Connection: cookie', 'Cookie: a'),
    refuses(400, 'connection-names-end-to-end'),
  ],
  [
    'Connection that names Authorization',
    'Davison, Abusing hop-by-hop headers (2019)',
    get('Connection: authorization'),
    refuses(400, 'connection-names-end-to-end'),
  ],
  [
    'Connection that names X-Forwarded-For',
    'Davison, Abusing hop-by-hop headers (2019)',
    get('X-Forwarded-For: 1', 'Connection: x-forwarded-for'),
    passes(sent('GET /')),
  ],
  [
    'an upgrade to h2c',
    'Bishop Fox, h2c smuggling (2020)',
    get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'),
    passes(sent('GET /')),
  ],
  [
    'HTTP2-Settings alone',
    'Bishop Fox, h2c smuggling (2020)',
    get('HTTP2-Settings: AAMAAABk'),
    passes(sent('GET /')),
  ],

  [
    'forged X-Forwarded headers',
    'http-engine',
    get('X-Forwarded-Host: evil', 'X-Forwarded-Proto: https'),
    passes(sent('GET /')),
  ],
  [
    'X-Forwarded-For of others',
    'http-engine',
    get('x-forwarded-for: 1', 'X: 1', 'X-Forwarded-For: 2'),
    passes(sent('GET /', ['X: 1']).replace(callerAddress, `1, 2, ${callerAddress}`)),
  ],
  [
    'look-alikes with underscores',
    desync,
    get('Content_Length: 5', 'Transfer_Encoding: chunked', 'X_Forwarded_For: 1', 'a_b: 1'),
    passes(sent('GET /', ['a_b: 1'])),
  ],

  [
    'Expect: 100-continue',
    'RFC 9110 10.1.1',
    post(['Expect: 100-Continue', 'Content-Length: 5'], 'hello'),
    passes(sentWithLength('hello')),
  ],
  ['another expectation', 'RFC 9110 10.1.1', get('Expect: x'), refuses(417, 'expectation-unknown')],
  [
    'two expectations',
    'RFC 9110 10.1.1',
    get('Expect: 100-continue', 'Expect: 100-continue'),
    refuses(417, 'expectation-unknown'),
  ],
  [
    'an obfuscated expectation',
    'Kettle, HTTP/1.1 Must Die (2025)',
    post(['Expect: y 100-continue', 'Content-Length: 5'], 'hello'),
    refuses(417, 'expectation-unknown'),
  ],

  ['100 headers', 'limit', get(...numbered(99)), passes(sent('GET /', numbered(99)))],
  ['101 headers', 'limit', get(...numbered(100)), refuses(431, 'too-many-headers')],
  [
    'a head of 16,384 octets',
    'limit',
    headOf(16_384),
    passes(sent('GET /', [`X: ${'a'.repeat(16_384 - get('X: ').length)}`])),
  ],
  ['a head of 16,385 octets', 'limit', headOf(16_385), refuses(431, 'head-too-long')],
  ['a head without end', 'limit', headOf(40_000).slice(0, -4), refuses(431, 'head-too-long')],
  [
    'a name without end',
    'CVE-2021-40346 (HAProxy): lengths that overflow',
    `GET / HTTP/1.1\r\nHost: a\r\n${'a'.repeat(20_000)}`,
    refuses(431, 'head-too-long'),
  ],
  [
    'a request behind one that is refused',
    'RFC 9112 9.3',
    get('X : 1') + get(),
    refuses(400, 'space-before-colon'),
  ],
  [
    'a refused request behind a good one',
    'RFC 9112 9.3',
    get() + get('X : 1'),
    refuses(400, 'space-before-colon', sent('GET /')),
  ],
  [
    'a head that ends in the middle of CR LF',
    'RFC 9112 2.2',
    get() + rn.slice(0, 1),
    { sent: [sent('GET /')], end: 'incomplete' },
  ],
];

function everyValueOctet(): string {
  return `a\t${String.fromCharCode(...Array.from({ length: 224 }, (_, index) => index + 32).filter((octet) => octet !== 127))}`;
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `X-${index}: ${index}`);
}

function headOf(octets: number): string {
  return get(`X: ${'a'.repeat(octets - get('X: ').length)}`);
}
