import type { FastifyInstance } from 'fastify';
import type { Site } from '../access/site.ts';
import { HttpProblem } from './http-problem.ts';

/**
 * What the pages of this server may do in a browser: take scripts, styles, images, fonts and answers from here and nowhere else,
 * nothing inline, in no frame. CSP level 3; `data:` for the small drawings of a style sheet.
 */
const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ');

/** Of every answer, errors included. */
export const guardHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': contentPolicy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/**
 * Before every other hook and route: a request for somebody else is answered 421 (RFC 9110 15.5.20), and no answer is without the
 * headers above. What a route says nothing of is not stored: it is about a person, or about now.
 */
export function addSiteGuard(http: FastifyInstance, site: Site): void {
  http.addHook('onRequest', async (request, reply) => {
    reply.headers(guardHeaders);
    const { host } = request.headers;
    if (site.isMeant(host)) return;
    const remedy = 'to be reached by it, start with --public-url';
    const said = JSON.stringify((host ?? '').slice(0, 100));
    throw new HttpProblem(421, `this server is not called ${said}; ${remedy}`);
  });
  http.addHook('onSend', async (_request, reply, payload) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    return payload;
  });
}
