import type { FastifyRequest } from 'fastify';
import { isSame } from './access-desk.ts';
import { sessionOf } from './caller.ts';
import type { Site } from './site.ts';

/** RFC 9110 9.2.1. */
const readingMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Why a write by cookie is not taken as the person's own wish; null: it is one, or no write by cookie. Two guards that fail apart: the
 * browser says which site it comes from, and the page says what only a page of ours could read.
 */
export function writeFault(request: FastifyRequest, site: Site): string | null {
  const session = sessionOf(request.caller);
  if (session === null || readingMethods.has(request.method)) return null;
  switch (site.senderOf(request)) {
    case 'foreign':
      return 'a write by cookie has to come from a page of this server, not from another site';
    case 'unsaid':
      return 'a write by cookie has to say where it comes from (Origin); a program uses a token instead';
    case 'own':
      break;
  }
  const given = request.headers['x-csrf-token'];
  if (typeof given === 'string' && isSame(given, session.csrfToken)) return null;
  return 'a write by cookie needs the header x-csrf-token, with csrfToken of GET /v1/session';
}
