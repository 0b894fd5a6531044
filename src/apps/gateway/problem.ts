import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from './node-http.ts';
import { hasBody } from './request-body.ts';
import { type Refusal, retryAfterSeconds } from './refusal.ts';

/** Why the gateway answered itself. */
export const reasonHeader = 'x-tidegate-reason';

/** Answers a request that no instance answers, as RFC 9457 says. */
export function answerProblem(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: Refusal,
): void {
  const body = problemBody(refusal);
  // A body nobody reads would have to be read to its end before the connection could be used again.
  if (hasBody(request) && !request.complete) response.shouldKeepAlive = false;
  const retryAfter = retryAfterSeconds(refusal);
  response.writeHead(refusal.status, {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    [reasonHeader]: refusal.reason,
    ...(retryAfter === null ? {} : { 'retry-after': String(retryAfter) }),
  });
  response.end(body);
  refused.set(response, refusal.reason);
}

const refused = new WeakMap<ServerResponse, Refusal['reason']>();

/** Why the gateway has answered in place of an instance; null: it has not. */
export function refusedBy(response: ServerResponse): Refusal['reason'] | null {
  return refused.get(response) ?? null;
}

/** The same as bytes, for a connection that has no ServerResponse. */
export function problemResponse(
  refusal: Refusal,
  connection: 'close' | 'keep-alive' = 'close',
  isHead = false,
): string {
  const body = problemBody(refusal);
  const retryAfter = retryAfterSeconds(refusal);
  return (
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ''}\r\n` +
    `content-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
    (retryAfter === null ? '' : `retry-after: ${retryAfter}\r\n`) +
    `${reasonHeader}: ${refusal.reason}\r\nconnection: ${connection}\r\n\r\n${isHead ? '' : body}`
  );
}

export function problemBody({ status, reason, detail }: Refusal): string {
  const title = STATUS_CODES[status] ?? 'Error';
  return `${JSON.stringify({ type: 'about:blank', title, status, reason, detail })}\n`;
}
