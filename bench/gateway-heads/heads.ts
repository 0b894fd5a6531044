/** Ten headers each, as a browser and a JSON service send them. */
export const requestBytes = text(
  'GET /api/v1/items/42?expand=owner HTTP/1.1',
  'Host: svc.localhost:8080',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Accept: application/json, text/plain, */*',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-US,en;q=0.9,de;q=0.8',
  `Authorization: Bearer ${'k7Qx9'.repeat(16)}`,
  `Cookie: session=${'0a1b2c3d'.repeat(4)}; theme=dark`,
  'Referer: https://app.example.com/items',
  'X-Request-Id: 8f14e45fceea167a5a36dedd4bea2543',
  'Connection: keep-alive',
);

export const responseBytes = text(
  'HTTP/1.1 200 OK',
  'Server: nginx/1.22.1',
  'Date: Fri, 20 Nov 2026 19:00:00 GMT',
  'Content-Type: application/json; charset=utf-8',
  'Content-Length: 1054',
  'Cache-Control: no-store',
  'Vary: Accept-Encoding',
  'ETag: "5f3a-1a2b3c4d5e6f7"',
  'X-Frame-Options: DENY',
  'X-Request-Id: 8f14e45fceea167a5a36dedd4bea2543',
  'Connection: keep-alive',
);

/** 64 KiB in chunks of 1 KiB. */
export const chunkedBytes = Buffer.from(
  `${`400\r\n${'x'.repeat(1024)}\r\n`.repeat(64)}0\r\n\r\n`,
  'latin1',
);

function text(...lines: readonly string[]): Buffer {
  return Buffer.from([...lines, '', ''].join('\r\n'), 'latin1');
}
