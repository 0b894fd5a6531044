import type { HttpRefusalCode } from './refusals.ts';

/**
 * How a row of the corpus ends: what an instance (or caller) is sent, message by message, and what comes then. Only
 * whole messages count as sent.
 */
export interface Want {
  readonly sent: readonly string[];
  readonly end: 'done' | 'incomplete' | readonly [status: number, code: HttpRefusalCode];
}

/** Octets are written as Latin-1. The source says where the case, or the rule it is about, comes from. */
export type Row = readonly [name: string, source: string, octets: string, want: Want];

export function passes(...sent: readonly string[]): Want {
  return { sent, end: 'done' };
}

export function refuses(status: number, code: HttpRefusalCode, ...sent: readonly string[]): Want {
  return { sent, end: [status, code] };
}

export const waits: Want = { sent: [], end: 'incomplete' };

export const rn = '\r\n';

export function lines(...all: readonly string[]): string {
  return all.map((line) => line + rn).join('');
}

/** A GET with these header lines beside Host. */
export function get(...headers: readonly string[]): string {
  return lines('GET / HTTP/1.1', 'Host: a', ...headers, '');
}

/** A POST with these header lines beside Host, and what follows its head. */
export function post(headers: readonly string[], body: string): string {
  return lines('POST / HTTP/1.1', 'Host: a', ...headers, '') + body;
}

export function chunked(body: string): string {
  return post(['Transfer-Encoding: chunked'], body);
}

/** The caller's address and scheme in the tests. */
export const callerAddress = '192.0.2.1';

/**
 * What the gateway sends for a request to host `a`: `headers` are those passed on; `end` is the framing lines, the
 * empty line and the body.
 */
export function sent(line: string, headers: readonly string[] = [], end: string = rn): string {
  return (
    lines(`${line} HTTP/1.1`, 'host: a', ...headers) +
    lines(`x-forwarded-for: ${callerAddress}`, 'x-forwarded-proto: http', 'x-forwarded-host: a') +
    end
  );
}

export function sentWithLength(body: string, headers: readonly string[] = []): string {
  return sent('POST /', headers, `content-length: ${body.length}\r\n\r\n${body}`);
}

/** The body as the test's writer frames it: one chunk, however it came. */
export function sentChunked(body: string, trailers: readonly string[] = []): string {
  const data = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`;
  return sent(
    'POST /',
    [],
    `transfer-encoding: chunked\r\n\r\n${data}0\r\n${lines(...trailers, '')}`,
  );
}
