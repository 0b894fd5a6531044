import { get, lines, post, refuses, type Row } from './corpus.fixture.ts';

const garden = 'HTTP Garden, trophies (Narf Industries)';
const llhttpInvalid = 'llhttp, test/request/invalid';

const hidden = get();
const body = '5\r\nhello\r\n0\r\n\r\n';

/** Heads that others have published, each of which two programs have read in two ways. */
export const publishedHeadRows: readonly Row[] = [
  ['LF, NUL and CR in a value', garden, get('Header: v\n\0\ralue'), refuses(400, 'line-ending')],
  [
    'a tab before the first name',
    garden,
    lines('GET / HTTP/1.1', '\tContent-Length: 1', 'Host: a', '') + 'X',
    refuses(400, 'folded-line'),
  ],
  [
    'version 1.32',
    garden,
    lines('GET /test HTTP/1.32', 'Host: a', ''),
    refuses(400, 'version-malformed'),
  ],
  [
    'a version beyond 32 bits',
    garden,
    lines('GET / HTTP/4294967295.255', 'Host: a', ''),
    refuses(400, 'version-malformed'),
  ],
  [
    'a method that begins as one',
    garden,
    lines('G=":<>(e),[T];?" /get HTTP/1.1', 'Host: a', ''),
    refuses(400, 'method-malformed'),
  ],
  ['a target of !', garden, lines('GET ! HTTP/1.1', 'Host: a', ''), refuses(400, 'target-form')],
  ['0xFF before a name', garden, get('\xffoo: bar'), refuses(400, 'field-name')],
  [
    'LF within the request line',
    garden,
    lines('GET /\nHTTP/1.1', 'Host: a', ''),
    refuses(400, 'line-ending'),
  ],
  ['0x85 behind a name', garden, get('Header\x85: value'), refuses(400, 'field-name')],
  [
    '0x85 behind Content-Length',
    garden,
    get('Content-Length\x85: 10') + '0123456789',
    refuses(400, 'field-name'),
  ],
  [
    'CR for the end of a line',
    garden,
    get('Visible: :/\rSmuggled: :)'),
    refuses(400, 'line-ending'),
  ],
  [
    'CR before a second Content-Length',
    garden,
    get('Whatever: whatever\rContent-Length: 10') + '0123456789',
    refuses(400, 'line-ending'),
  ],
  [
    'two LF in a value, and a request behind them',
    garden,
    get('Useless:\n\nGET / HTTP/1.1'),
    refuses(400, 'line-ending'),
  ],
  [
    'an empty name, and a header behind it',
    garden,
    get(':', 'I: am chopped off'),
    refuses(400, 'field-name'),
  ],
  ['an empty name with a value', garden, get(': ignored'), refuses(400, 'field-name')],
  [
    'an empty name before Transfer-Encoding',
    'CVE-2023-25725 (HAProxy)',
    post([':', 'Transfer-Encoding: chunked'], body),
    refuses(400, 'field-name'),
  ],
  [
    'a name and a value with no colon between',
    garden,
    get('Content-Length 10') + '0123456789',
    refuses(400, 'space-before-colon'),
  ],
  [
    'separators for a name',
    garden,
    get('"(),/;<=>?@[/]{}\xc0\xef: yep'),
    refuses(400, 'field-name'),
  ],
  ['NUL in a name', garden, get('Hea\0der: value'), refuses(400, 'field-name')],
  ['CR in a value', garden, get('Header: va\rlue'), refuses(400, 'line-ending')],
  [
    'NUL in Host',
    'HTTP Garden; HAProxy until 2.9',
    lines('GET / HTTP/1.1', 'Host: a\0.b', ''),
    refuses(400, 'field-value'),
  ],
  [
    'CR and an octet in place of the empty line',
    'CVE-2023-30589 (Node.js)',
    get('\rZGET /evil: HTTP/1.1'),
    refuses(400, 'line-ending'),
  ],
  [
    'CR and a name behind an empty value',
    'CVE-2023-30589 (Node.js)',
    post(['X-Abc: \rxTransfer-Encoding: chunked'], '1\r\nA\r\n0\r\n\r\n'),
    refuses(400, 'line-ending'),
  ],
  [
    'a space before Content-Length',
    'CVE-2024-27982 (Node.js)',
    lines('POST / HTTP/1.1', 'Host: a', ' Content-Length: 5', '') + 'hello',
    refuses(400, 'folded-line'),
  ],
  [
    'another protocol',
    llhttpInvalid,
    lines('GET / ICE/1.0', 'Host: a', ''),
    refuses(400, 'version-malformed'),
  ],
  [
    'a letter before HTTP',
    llhttpInvalid,
    lines('GET / IHTTP/1.0', 'Host: a', ''),
    refuses(400, 'version-malformed'),
  ],
  [
    'RTSP',
    llhttpInvalid,
    lines('PUT / RTSP/1.0', 'Host: a', ''),
    refuses(400, 'version-malformed'),
  ],
  [
    'a method of RTSP',
    llhttpInvalid,
    lines('ANNOUNCE / HTTP/1.0', 'Host: a', ''),
    refuses(501, 'method-not-served'),
  ],
  [
    'version 5.6',
    llhttpInvalid,
    lines('GET / HTTP/5.6', 'Host: a', ''),
    refuses(505, 'version-not-served'),
  ],
  ['a folded name', llhttpInvalid, get('name', ' : value'), refuses(400, 'line-ending')],
  [
    'Connection with ESC in place of its colon',
    llhttpInvalid,
    get('Connection\r\x1b5\xd5eep-Alive'),
    refuses(400, 'line-ending'),
  ],
  ['@ in a name', llhttpInvalid, get('Fo@: Failure'), refuses(400, 'field-name')],
  ['0x01 in a name', llhttpInvalid, get('Foo\x01\test: Bar'), refuses(400, 'field-name')],
  [
    'a space before Host',
    llhttpInvalid,
    lines('GET / HTTP/1.1', ' Host: a', ''),
    refuses(400, 'folded-line'),
  ],
  [
    'LF before Content-Length, and a request for a body',
    llhttpInvalid,
    get('Dummy: x\nContent-Length: 23') + hidden,
    refuses(400, 'line-ending'),
  ],
];
