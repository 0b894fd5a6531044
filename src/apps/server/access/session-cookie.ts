import { createHmac } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** As `__Host-` wants it where there is TLS: for this host alone, for all its paths, and never sent without TLS. */
interface CookieSettings {
  readonly path: '/';
  readonly httpOnly: true;
  readonly sameSite: 'strict' | 'lax';
  readonly secure: boolean;
}

export interface Cookie {
  readonly name: string;
  readonly settings: CookieSettings;
}

/**
 * No script reads it, and no other site's page makes the browser send it (RFC 6265bis 4.1.2). Cookies know no ports: several
 * installations on one machine would sign each other out, so the port is in the name.
 */
export function sessionCookie(request: FastifyRequest, isSecure: boolean): Cookie {
  return cookieOf('tidegate', request, { isSecure, sameSite: 'strict' });
}

/**
 * For the minutes of a sign-in elsewhere: `lax`, as the browser comes back from there. It shows that who comes back is who went, and
 * opens nothing.
 */
export function signInCookie(request: FastifyRequest, isSecure: boolean): Cookie {
  return cookieOf('tidegate-sign-in', request, { isSecure, sameSite: 'lax' });
}

function cookieOf(
  what: string,
  { socket }: FastifyRequest,
  { isSecure, sameSite }: { readonly isSecure: boolean; readonly sameSite: 'strict' | 'lax' },
): Cookie {
  const name = `${isSecure ? '__Host-' : ''}${what}-${socket.localPort ?? 0}`;
  return { name, settings: { path: '/', httpOnly: true, sameSite, secure: isSecure } };
}

/** Null: the request has none. */
export function readCookie(request: FastifyRequest, { name }: Cookie): string | null {
  const value = request.cookies[name];
  return value === undefined || value === '' || value.length > 200 ? null : value;
}

/** `untilMs` and `nowMs` say how long the browser keeps it; the server judges by itself. */
export function giveCookie(
  reply: FastifyReply,
  { name, settings }: Cookie,
  value: string,
  maxAgeSeconds: number,
): void {
  reply.setCookie(name, value, { ...settings, maxAge: Math.max(1, Math.floor(maxAgeSeconds)) });
}

export function takeCookie(reply: FastifyReply, { name, settings }: Cookie): void {
  reply.clearCookie(name, settings);
}

/**
 * Bound to the session, so that there is nothing to keep; one-way, so that who reads it in a page cannot make the cookie of it
 * (OWASP, Cross-Site Request Forgery Prevention: HMAC based token).
 */
export function csrfTokenOf(secret: string): string {
  return createHmac('sha256', secret).update('tidegate x-csrf-token').digest('base64url');
}
