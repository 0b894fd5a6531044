const extensions = ['', '', '', ';a', ';a=b', ';a="b c"', ';a=b;c=d'] as const;
const trailers = ['', '', 'X-End: 1\r\n', 'X-End: 1\r\nX-Sum: abc\r\n'] as const;
const headers = [
  'X-One: 1',
  'X-Two:2',
  'X-Empty:',
  'X-Blank:  a b  ',
  'Cookie: a=b; c=d',
  'Accept: */*',
  'TE: trailers',
  'Connection: keep-alive',
] as const;
const targets = ['/', '/a/b', '/?q=1', '/%41;b', 'http://a/abs', 'http://a'] as const;

/** One to five pipelined requests as RFC 9112 has them: bodies of both framings, chunks of odd sizes, trailers. */
export function wellFormed(random: (bound: number) => number): string {
  let text = '';
  const count = 1 + random(5);
  for (let index = 0; index < count; index += 1) text += request(random);
  return text;
}

function request(random: (bound: number) => number): string {
  const target = targets[random(targets.length)] ?? '/';
  const lines = ['Host: a'];
  for (let count = random(4); count > 0; count -= 1) {
    lines.push(headers[random(headers.length)] ?? '');
  }
  const body = Buffer.from(Array.from({ length: random(300) }, () => random(256))).toString(
    'latin1',
  );
  const method = ['POST', 'PUT', 'GET', 'DELETE'][random(4)] ?? 'POST';
  const head = (framing: readonly string[]): string =>
    `${[`${method} ${target} HTTP/1.1`, ...lines, ...framing].join('\r\n')}\r\n\r\n`;
  switch (random(3)) {
    case 0:
      return head([]);
    case 1:
      return head([`Content-Length: ${body.length}`]) + body;
    default:
      return head(['Transfer-Encoding: chunked']) + chunked(body, random);
  }
}

function chunked(body: string, random: (bound: number) => number): string {
  let text = '';
  for (let at = 0; at < body.length;) {
    const size = Math.min(body.length - at, 1 + random(100));
    const hex = size.toString(16);
    const digits = random(2) === 0 ? hex : `00${hex.toUpperCase()}`;
    const extension = extensions[random(extensions.length)] ?? '';
    text += `${digits}${extension}\r\n${body.slice(at, at + size)}\r\n`;
    at += size;
  }
  return `${text}0\r\n${trailers[random(trailers.length)] ?? ''}\r\n`;
}
