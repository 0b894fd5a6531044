import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from './node-http.ts';
import { hasBody } from './compat/request-body.ts';
import { type Refusal, refusalFields } from './refusal.ts';

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
  response.writeHead(refusal.status, {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    [reasonHeader]: refusal.reason,
    ...Object.fromEntries(refusalFields(refusal)),
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
  const fields = refusalFields(refusal).map(([name, value]) => `${name}: ${value}\r\n`);
  return (
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ''}\r\n` +
    `content-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
    `${fields.join('')}${reasonHeader}: ${refusal.reason}\r\nconnection: ${connection}\r\n\r\n${isHead ? '' : body}`
  );
}

export function problemBody({ status, reason, detail, over }: Refusal): string {
  const title = STATUS_CODES[status] ?? 'Error';
  const problem = { type: 'about:blank', title, status, reason, detail };
  if (over === undefined) return `${JSON.stringify(problem)}\n`;
  return `${JSON.stringify({ ...problem, ...quotaExceeded, 'violated-policies': over.limits })}\n`;
}

/** Of draft-ietf-httpapi-ratelimit-headers-10, section 6. */
const quotaExceeded = {
  type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
  title: 'Request cannot be satisfied as assigned quota has been exceeded',
} as const;
