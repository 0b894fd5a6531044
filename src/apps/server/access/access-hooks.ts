import cookie from '@fastify/cookie';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AccessDesk } from './access-desk.ts';
import { type Caller, personOf } from './caller.ts';
import { writeFault } from './own-pages.ts';
import { requireAccess, type RouteAccess, type Wish } from './route-access.ts';
import { readCookie, sessionCookie, takeCookie } from './session-cookie.ts';
import type { Site } from './site.ts';
import { HttpProblem } from '../http/http-problem.ts';

export interface AccessHookParts {
  readonly access: AccessDesk;
  readonly site: Site;
  readonly log: (level: 'info' | 'error', message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Who asks is known before the body is read; what they may, once it is, as some actions stand there. Added before any route: a route
 * that does not say what it lets do is refused, and what no route answers wants a token, too.
 */
export async function addAccessHooks(http: FastifyInstance, parts: AccessHookParts): Promise<void> {
  await http.register(cookie);
  http.decorateRequest('caller');
  http.decorateRequest('sees');
  http.decorateRequest('isInForce');
  http.addHook('onRoute', (route) => {
    requireAccess(route);
  });
  http.addHook('onRequest', async (request, reply) => {
    request.caller = { kind: 'nobody' };
    request.sees = () => false;
    request.isInForce = () => parts.access.isInForce(request.caller);
    if (accessOf(request)?.kind === 'open') return;
    request.caller = callerOf(request, parts);
    if (request.caller.kind === 'nobody') throw unknownCaller(request, reply, parts);
    const fault = writeFault(request, parts.site);
    if (fault === null || request.caller.kind !== 'person') return;
    parts.access.refused(request.caller, fault);
    throw new HttpProblem(403, fault);
  });
  http.addHook('preValidation', async (request) => {
    // Who has a token is who it was made for, whatever the body says.
    const person = personOf(request.caller);
    if (person !== null && isObject(request.body)) request.body['who'] = person;
  });
  http.addHook('preHandler', (request) => authorize(request, parts));
}

/** What a request says in its Authorization counts, and not the cookie that the browser sends by itself. */
function callerOf(request: FastifyRequest, { access, site }: AccessHookParts): Caller {
  const { authorization } = request.headers;
  if (authorization !== undefined) return access.identify(authorization);
  const secret = readCookie(request, sessionCookie(request, site.isSecure(request)));
  return secret === null ? { kind: 'nobody' } : access.identifySession(secret);
}

function unknownCaller(
  request: FastifyRequest,
  reply: FastifyReply,
  { access, site }: AccessHookParts,
): HttpProblem {
  const cookieOf = sessionCookie(request, site.isSecure(request));
  const isOver = readCookie(request, cookieOf) !== null;
  if (isOver) takeCookie(reply, cookieOf);
  // A page that asks whether somebody is signed in knocks at nothing.
  const isAsking =
    accessOf(request)?.kind === 'known' && request.headers.authorization === undefined;
  if (!isAsking) access.knocked();
  reply.header('www-authenticate', 'Bearer realm="tidegate"');
  const said = 'the Authorization header does not carry a token of this server';
  return new HttpProblem(401, isOver ? 'the session is over; sign in again' : said);
}

async function authorize(request: FastifyRequest, parts: AccessHookParts): Promise<void> {
  const access = accessOf(request);
  if (access?.kind !== 'asks') return;
  const wish = await access.wish(request);
  const answer = await parts.access.check(request.caller, wish);
  if (!answer.isAllowed) throw new HttpProblem(403, answer.because);
  if (access.entry === 'none') {
    request.sees = await parts.access.sight(request.caller, wish.action);
  }
  if (access.entry === 'access') await recordAllowed(request, wish, parts);
}

const recordBoundMs = 5_000;

/** What cannot be recorded is done all the same here: it is a stop, and a server whose disk is full has to be stoppable. */
async function recordAllowed(
  request: FastifyRequest,
  wish: Wish,
  { access, log, signal }: AccessHookParts,
): Promise<void> {
  const body = isObject(request.body) ? request.body : {};
  const who = typeof body['who'] === 'string' ? body['who'] : 'the owner';
  const why = typeof body['why'] === 'string' ? body['why'] : null;
  const until = AbortSignal.any([signal, AbortSignal.timeout(recordBoundMs)]);
  try {
    await access.allowed(request.caller, wish, { who, why }, until);
  } catch (error) {
    log('error', `cannot record that ${who} does ${wish.action}: ${String(error)}`);
  }
}

/** Null: no route answers this. */
function accessOf(request: FastifyRequest): RouteAccess | null {
  return request.routeOptions.config.access ?? null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
