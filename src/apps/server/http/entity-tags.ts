import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';

/** Longer answers cost more to hash than they are asked for again. */
const charsMax = 1024 * 1024;

/** ETag and If-None-Match (RFC 9110 section 13.1.2) for what is read as JSON: an answer that is still the same is not sent again. */
export function addEntityTags(http: FastifyInstance): void {
  http.addHook('onSend', async (request, reply, payload) => {
    const isRead = request.method === 'GET' && reply.statusCode === 200;
    if (!isRead || typeof payload !== 'string' || payload.length > charsMax) return payload;
    if (!String(reply.getHeader('content-type')).startsWith('application/json')) return payload;
    const tag = `W/"${createHash('sha256').update(payload).digest('base64url').slice(0, 27)}"`;
    reply.header('etag', tag);
    if (reply.getHeader('cache-control') === undefined) {
      reply.header('cache-control', 'private, no-cache');
    }
    if (!isListed(request.headers['if-none-match'], tag)) return payload;
    reply.status(304).removeHeader('content-type');
    return '';
  });
}

function isListed(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header === '*' || header.split(',').some((each) => each.trim() === tag);
}
