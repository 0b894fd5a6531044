import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AccessDesk } from './access-desk.ts';
import { personOf } from './caller.ts';
import { requireAccess, type RouteAccess, type Wish } from './route-access.ts';
import { HttpProblem } from '../http/http-problem.ts';

export interface AccessHookParts {
  readonly access: AccessDesk;
  readonly log: (level: 'info' | 'error', message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Who asks is known before the body is read; what they may, once it is, as some actions stand there. Added before any route: a route
 * that does not say what it lets do is refused, and what no route answers wants a token, too.
 */
export function addAccessHooks(http: FastifyInstance, parts: AccessHookParts): void {
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
    request.caller = parts.access.identify(request.headers.authorization);
    if (request.caller.kind !== 'nobody') return;
    parts.access.knocked();
    reply.header('www-authenticate', 'Bearer realm="tidegate"');
    throw new HttpProblem(401, 'the Authorization header does not carry a token of this server');
  });
  http.addHook('preValidation', async (request) => {
    // Who has a token is who it was made for, whatever the body says.
    const person = personOf(request.caller);
    if (person !== null && isObject(request.body)) request.body['who'] = person;
  });
  http.addHook('preHandler', (request) => authorize(request, parts));
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
