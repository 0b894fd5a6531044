import { lines, passes, refuses, rn, type Row, waits } from './corpus.fixture.ts';

const probe = 'Http11Probe (MDA2AV), turned round';
const llhttp = 'llhttp, test/response';
const kallus = 'Kallus et al., HTTP Garden (2024)';

function ok(headers: readonly string[], body = ''): string {
  return lines('HTTP/1.1 200 OK', ...headers, '') + body;
}

function status(line: string, headers: readonly string[] = [], body = ''): string {
  return lines(line, ...headers, '') + body;
}

/** As an HTTP/1.1 caller gets it. */
function answered(line: string, headers: readonly string[] = [], end: string = rn): string {
  return lines(`HTTP/1.1 ${line}`, ...headers, 'x-tidegate-revision: r1') + end;
}

function answeredWithLength(body: string, headers: readonly string[] = []): string {
  return answered('200 OK', headers, `content-length: ${body.length}\r\n\r\n${body}`);
}

function answeredChunked(body: string, trailers: readonly string[] = []): string {
  const data = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`;
  const end = `0\r\n${lines(...trailers, '')}`;
  return answered('200 OK', [], `transfer-encoding: chunked\r\n\r\n${data}${end}`);
}

const hello = '5\r\nhello\r\n0\r\n\r\n';

/** Answers of instances to GET; refused ones are 502 to the caller, the status here is the refusal's own. */
export const responseRows: readonly Row[] = [
  [
    'a length',
    'RFC 9112 6.2',
    ok(['Content-Length: 5'], 'hello'),
    passes(answeredWithLength('hello')),
  ],
  ['a length of zero', 'RFC 9112 6.2', ok(['Content-Length: 0']), passes(answeredWithLength(''))],
  [
    'chunks',
    'RFC 9112 7.1',
    ok(['Transfer-Encoding: chunked'], hello),
    passes(answeredChunked('hello')),
  ],
  [
    'chunks with a trailer',
    'RFC 9112 7.1.2',
    ok(['Transfer-Encoding: chunked', 'Trailer: X'], '0\r\nX: 1\r\nSet-Cookie: a\r\n\r\n'),
    passes(answeredChunked('', ['X: 1'])),
  ],
  [
    'a body that ends with the connection',
    'RFC 9112 6.3',
    ok(['X: 1'], 'hello'),
    passes(
      answered('200 OK', ['X: 1'], 'transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'),
    ),
  ],
  ['a body cut short', 'RFC 9112 8', ok(['Content-Length: 6'], 'hello'), waits],
  ['chunks cut short', 'RFC 9112 8', ok(['Transfer-Encoding: chunked'], '5\r\nhello\r\n'), waits],
  [
    'HTTP/1.0',
    'RFC 9112 2.3',
    status('HTTP/1.0 200 OK', ['Content-Length: 5'], 'hello'),
    passes(answeredWithLength('hello')),
  ],
  [
    'no reason',
    'RFC 9112 4',
    status('HTTP/1.1 200 ', ['Content-Length: 0']),
    passes(answered('200 ', [], 'content-length: 0\r\n\r\n')),
  ],
  [
    'no reason and no space',
    'RFC 9112 4 lets clients take it',
    status('HTTP/1.1 200', ['Content-Length: 0']),
    passes(answered('200 ', [], 'content-length: 0\r\n\r\n')),
  ],
  [
    'a reason beyond ASCII',
    'RFC 9112 4',
    status('HTTP/1.1 200 \xd6k', ['Content-Length: 0']),
    passes(answered('200 \xd6k', [], 'content-length: 0\r\n\r\n')),
  ],
  ['204', 'RFC 9110 15.3.5', status('HTTP/1.1 204 No Content'), passes(answered('204 No Content'))],
  [
    '204 with a length',
    'RFC 9110 8.6',
    status('HTTP/1.1 204 No Content', ['Content-Length: 5']),
    passes(answered('204 No Content')),
  ],
  [
    '204 with chunks',
    'RFC 9112 6.1',
    status('HTTP/1.1 204 No Content', ['Transfer-Encoding: chunked'], hello),
    refuses(502, 'framing-without-body'),
  ],
  [
    '304 with a length',
    'RFC 9110 15.4.5',
    status('HTTP/1.1 304 Not Modified', ['Content-Length: 5']),
    passes(answered('304 Not Modified', [], 'content-length: 5\r\n\r\n')),
  ],
  [
    '304 with an encoding',
    'RFC 9112 6.1 allows it',
    status('HTTP/1.1 304 Not Modified', ['Transfer-Encoding: chunked']),
    passes(answered('304 Not Modified')),
  ],
  [
    '100, then the answer',
    'RFC 9110 15.2.1',
    status('HTTP/1.1 100 Continue') + ok(['Content-Length: 0']),
    passes(answered('100 Continue'), answeredWithLength('')),
  ],
  [
    '103 with headers',
    'RFC 8297',
    status('HTTP/1.1 103 Early Hints', ['Link: </a>']) + ok(['Content-Length: 0']),
    passes(answered('103 Early Hints', ['Link: </a>']), answeredWithLength('')),
  ],
  [
    '102 with a length',
    'RFC 9110 8.6',
    status('HTTP/1.1 102 Processing', ['Content-Length: 5'], 'hello'),
    refuses(502, 'framing-without-body'),
  ],
  [
    '100 with chunks',
    'RFC 9112 6.1',
    status('HTTP/1.1 100 Continue', ['Transfer-Encoding: chunked']),
    refuses(502, 'framing-without-body'),
  ],
  [
    'a status above 599',
    'RFC 9110 15',
    status('HTTP/1.1 999 Strange', ['Content-Length: 0']),
    passes(answered('999 Strange', [], 'content-length: 0\r\n\r\n')),
  ],
  [
    'a second answer',
    'RFC 9112 9.3.2',
    ok(['Content-Length: 0']) + ok(['Content-Length: 0']),
    passes(answeredWithLength(''), answeredWithLength('')),
  ],
  [
    'hop-by-hop headers and those named',
    'RFC 9110 7.6.1',
    ok([
      'Connection: x, keep-alive',
      'X: 1',
      'Keep-Alive: 5',
      'Trailer: a',
      'Upgrade: h2',
      'Y: 2',
      'Content-Length: 0',
    ]),
    passes(answeredWithLength('', ['Y: 2'])),
  ],
  [
    'a forged revision and reason',
    'http-engine',
    ok(['X-Tidegate-Revision: r9', 'X-Tidegate-Reason: x', 'Content-Length: 0']),
    passes(answeredWithLength('')),
  ],
  [
    'cookies',
    'RFC 9110 5.3',
    ok(['Set-Cookie: a', 'Set-Cookie: b', 'Content-Length: 0']),
    passes(answeredWithLength('', ['Set-Cookie: a', 'Set-Cookie: b'])),
  ],
  ['the beginning of a status line', 'RFC 9112 4', 'HTTP/1.1 2', waits],

  [
    'chunks and a length',
    'RFC 9112 6.3',
    ok(['Transfer-Encoding: chunked', 'Content-Length: 5'], hello),
    refuses(400, 'length-beside-encoding'),
  ],
  [
    'two lengths',
    'RFC 9112 6.3',
    ok(['Content-Length: 5', 'Content-Length: 6'], 'hello'),
    refuses(400, 'length-repeated'),
  ],
  [
    'two equal lengths',
    'RFC 9112 6.3 allows them',
    ok(['Content-Length: 5', 'Content-Length: 5'], 'hello'),
    refuses(400, 'length-repeated'),
  ],
  [
    'a length with -',
    'RFC 9110 8.6',
    ok(['Content-Length: -5'], 'hello'),
    refuses(400, 'length-malformed'),
  ],
  [
    'an empty length',
    'RFC 9110 8.6',
    ok(['Content-Length: '], 'hello'),
    refuses(400, 'length-malformed'),
  ],
  [
    'chunks in HTTP/1.0',
    'RFC 9112 6.1',
    status('HTTP/1.0 200 OK', ['Transfer-Encoding: chunked'], hello),
    refuses(400, 'encoding-old-version'),
  ],
  [
    'gzip without chunks',
    'RFC 9112 6.3',
    ok(['Transfer-Encoding: gzip'], 'x'),
    refuses(400, 'encoding-malformed'),
  ],
  [
    'gzip and chunks',
    'RFC 9112 6.1',
    ok(['Transfer-Encoding: gzip, chunked'], hello),
    refuses(501, 'encoding-not-served'),
  ],
  [
    'two encodings',
    'RFC 9112 6.1',
    ok(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], hello),
    refuses(400, 'encoding-repeated'),
  ],
  ['a folded header', 'RFC 9112 5.2', ok(['X: 1', ' 2']), refuses(400, 'folded-line')],
  [
    'a space before the colon',
    'RFC 9112 5.1 has proxies remove it',
    ok(['X : 1']),
    refuses(400, 'space-before-colon'),
  ],
  [
    'LF at the end of the status line',
    kallus,
    'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n',
    refuses(400, 'line-ending'),
  ],
  [
    'LF at the end of a header',
    kallus,
    'HTTP/1.1 200 OK\r\nX: 1\nContent-Length: 0\r\n\r\n',
    refuses(400, 'line-ending'),
  ],
  ['CR in a header', kallus, ok(['X: 1\rY: 2']), refuses(400, 'line-ending')],
  ['a NUL in a header', kallus, ok(['X: \0']), refuses(400, 'field-value')],
  ['a NUL in the reason', kallus, status('HTTP/1.1 200 O\0K'), refuses(502, 'status-malformed')],
  [
    'an empty line before an answer',
    'RFC 9112 2.2 is about requests',
    rn + ok([]),
    refuses(502, 'status-malformed'),
  ],
  ['text before an answer', 'RFC 9112 9.2', `x${ok([])}`, refuses(502, 'status-malformed')],
  ['HTTP/2.0', llhttp, status('HTTP/2.0 200 OK'), refuses(502, 'status-malformed')],
  ['HTTP/1.2', llhttp, status('HTTP/1.2 200 OK'), refuses(502, 'status-malformed')],
  ['HTTP/01.1', llhttp, status('HTTP/01.1 200 OK'), refuses(502, 'status-malformed')],
  ['HTP', llhttp, status('HTP/1.1 200 OK'), refuses(502, 'status-malformed')],
  ['a tab before the status', llhttp, status('HTTP/1.1\t200 OK'), refuses(502, 'status-malformed')],
  [
    'two spaces before the status',
    llhttp,
    status('HTTP/1.1  200 OK'),
    refuses(502, 'status-malformed'),
  ],
  ['a status of two digits', probe, status('HTTP/1.1 20 OK'), refuses(502, 'status-malformed')],
  ['a status of four digits', probe, status('HTTP/1.1 2000 OK'), refuses(502, 'status-malformed')],
  ['a status of letters', probe, status('HTTP/1.1 2x0 OK'), refuses(502, 'status-malformed')],
  [
    'a status below 100',
    'RFC 9110 15',
    status('HTTP/1.1 099 No'),
    refuses(502, 'status-malformed'),
  ],
  [
    'an odd chunk size',
    'RFC 9112 7.1',
    ok(['Transfer-Encoding: chunked'], '5x\r\nhello\r\n0\r\n\r\n'),
    refuses(400, 'chunk-size'),
  ],
  [
    'bytes behind the answer',
    'RFC 9112 9.2',
    ok(['Content-Length: 5'], 'hello world'),
    refuses(502, 'status-malformed', answeredWithLength('hello')),
  ],
];
