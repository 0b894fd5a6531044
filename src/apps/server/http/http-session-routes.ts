import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';

import {
  loginLinkCreateSchema,
  loginLinkSchema,
  sessionListSchema,
  sessionSchema,
  type SessionView,
  signedOutSchema,
  signInSchema,
  signInWaysSchema,
} from '../../../api/session-wire.ts';
import type { AccessDesk } from '../access/access-desk.ts';
import { allowedActions, servicesAskedMax } from '../access/allowed-actions.ts';
import { type Caller, personOf, sessionOf } from '../access/caller.ts';
import { known, ofServer, open } from '../access/route-access.ts';
import { csrfTokenOf, giveCookie, sessionCookie, takeCookie } from '../access/session-cookie.ts';
import type { OidcDesk } from '../access/oidc-desk.ts';
import type { SignedIn, SignInSaid } from '../access/sign-in-desk.ts';
import type { Site } from '../access/site.ts';
import { HttpProblem } from './http-problem.ts';
import type { Http } from './http-server.ts';
import { timeText } from '../views/time-text.ts';

export interface SessionParts {
  readonly access: AccessDesk;
  readonly site: Site;
  /** Null: no provider is set up. */
  readonly oidc: OidcDesk | null;
  /** Where the server listens. */
  readonly listening: () => string;
  readonly signal: AbortSignal;
}

/** How long an entry is waited for. */
const boundMs = 20_000;

const serviceName = z.string().regex(/^[a-z0-9-]{1,63}$/);
const sessionQuery = z.object({
  /** Names of services, parted by commas. */
  services: z
    .string()
    .max(servicesAskedMax * 64)
    .default('')
    .transform((text) => text.split(',').filter((each) => each !== ''))
    .pipe(z.array(serviceName).max(servicesAskedMax)),
});

/** Signing in and out, and what whoever is signed in may. */
export function addSessionRoutes(http: Http, parts: SessionParts): void {
  const { access } = parts;
  http.get(
    '/v1/session',
    {
      config: known,
      schema: {
        querystring: sessionQuery,
        response: { 200: sessionSchema },
      },
    },
    ({ caller, query }) => viewOf(parts, caller, query.services),
  );
  http.post(
    '/v1/session',
    {
      config: open,
      schema: {
        body: signInSchema,
        response: { 200: sessionSchema },
      },
    },
    async (request, reply) => {
      requireOwnPage(request, parts);
      requirePatience(request, reply, parts);
      const { body } = request;
      const until = boundOf(parts);
      const said = await ('code' in body
        ? access.signIn.byCode(body.code, until)
        : access.signIn.byToken(body.token, until));
      return viewOf(parts, signedIn(said, { request, reply }, parts), []);
    },
  );
  http.delete(
    '/v1/session',
    { config: known, schema: { response: { 200: signedOutSchema } } },
    async (request, reply) => {
      const own = sessionOf(request.caller);
      const remedy = 'a token is ended by tidegate token revoke';
      if (own === null) throw new HttpProblem(409, `this was not asked by cookie; ${remedy}`);
      const { index, sentence } = await access.signIn.signOut(
        own.session,
        own.session.person,
        boundOf(parts),
      );
      takeCookie(reply, sessionCookie(request, parts.site.isSecure(request)));
      return { entryIndex: index, sentence };
    },
  );
  http.get(
    '/v1/session/ways',
    { config: open, schema: { response: { 200: signInWaysSchema } } },
    async () => {
      const { oidc } = parts;
      return { oidc: oidc === null ? null : { issuer: oidc.issuer, path: '/v1/session/oidc' } };
    },
  );
  addSessionList(http, parts);
  addLoginLinks(http, parts);
}

/** One's own; whoever may end tokens ends the sessions of others. */
function addSessionList(http: Http, parts: SessionParts): void {
  const { access } = parts;
  http.get(
    '/v1/sessions',
    { config: known, schema: { response: { 200: sessionListSchema } } },
    async ({ caller }) => {
      const current = sessionOf(caller)?.session.id;
      const items = access.sessions.active(nameOf(caller)).map((each) => ({
        id: each.id,
        by: each.method.kind,
        signedInAt: timeText(each.createdAtMs),
        expiresAt: timeText(each.expiresAtMs),
        idleEndsAt: timeText(access.sessions.endsAtMs(each)),
        isThis: each.id === current,
      }));
      return { items };
    },
  );
  http.delete(
    '/v1/sessions/:id',
    {
      config: known,
      schema: {
        params: z.object({ id: z.string().min(1).max(40) }),
        response: { 200: signedOutSchema },
      },
    },
    async ({ caller, params }) => {
      const found = access.sessions.active(null).find(({ id }) => id === params.id);
      const who = nameOf(caller);
      if (found === undefined || found.person !== who) {
        const wish = { action: 'tokens:write', resources: [{ kind: 'server' }] } as const;
        const answer = await access.check(caller, wish);
        if (!answer.isAllowed) throw new HttpProblem(403, answer.because);
      }
      if (found === undefined) throw new HttpProblem(404, `no session ${params.id} is in force`);
      const { index, sentence } = await access.signIn.signOut(found, who, boundOf(parts));
      return { entryIndex: index, sentence };
    },
  );
}

function addLoginLinks(http: Http, parts: SessionParts): void {
  http.post(
    '/v1/login-links',
    {
      config: ofServer('tokens:write', 'own'),
      schema: { body: loginLinkCreateSchema, response: { 200: loginLinkSchema } },
    },
    async ({ body }) => {
      const { who, why, ...wish } = body;
      const made = await parts.access.signIn.makeLink(wish, { who, why }, boundOf(parts));
      if (typeof made === 'string') throw new HttpProblem(422, made);
      const url = parts.site.urlOf(`/login#${made.code}`, parts.listening());
      return { url, expiresAt: timeText(made.expiresAtMs) };
    },
  );
}

/** Somebody else's page must not sign a browser in as it likes. */
function requireOwnPage(request: FastifyRequest, { site }: SessionParts): void {
  if (site.senderOf(request) !== 'foreign') return;
  throw new HttpProblem(403, 'signing in has to come from a page of this server');
}

export function requirePatience(
  request: FastifyRequest,
  reply: FastifyReply,
  { access }: Pick<SessionParts, 'access'>,
): void {
  const waitMs = access.signIn.waitMs(request.ip);
  if (waitMs === null) return;
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  reply.header('retry-after', String(seconds));
  throw new HttpProblem(429, `signing in was tried too often; try again in ${seconds} s`);
}

/** Gives the browser its cookie. */
export function signedIn(
  said: SignInSaid,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  { site }: Pick<SessionParts, 'site'>,
): Caller {
  if (said.kind === 'refused') throw new HttpProblem(401, said.because);
  const { session, secret }: SignedIn = said;
  const cookie = sessionCookie(request, site.isSecure(request));
  giveCookie(reply, cookie, secret, (session.expiresAtMs - session.createdAtMs) / 1000);
  const by = { kind: 'session', session, csrfToken: csrfTokenOf(secret) } as const;
  return { kind: 'person', person: session.person, grants: session.grants, by };
}

async function viewOf(
  { access }: SessionParts,
  caller: Caller,
  services: readonly string[],
): Promise<SessionView> {
  const allowed = await allowedActions(access, caller, services);
  const own = sessionOf(caller);
  const lasts = lastsOf(caller, access);
  const grants = caller.kind === 'person' ? caller.grants : [ownerGrant];
  return {
    name: nameOf(caller),
    roles: [...new Set(grants.map(({ role }) => role))],
    grants: grants.map(({ role, scopes }) => ({ role, services: [...scopes] })),
    by: caller.kind === 'person' ? caller.by.kind : 'owner',
    csrfToken: own?.csrfToken ?? null,
    ...lasts,
    allowed,
  };
}

const ownerGrant = { role: 'admin', scopes: ['*/*'] } as const;

function lastsOf(
  caller: Caller,
  access: AccessDesk,
): Pick<SessionView, 'expiresAt' | 'idleEndsAt'> {
  if (caller.kind !== 'person') return { expiresAt: null, idleEndsAt: null };
  const { by } = caller;
  if (by.kind === 'token') return { expiresAt: timeText(by.token.expiresAtMs), idleEndsAt: null };
  const { session } = by;
  const idleEndsAt = timeText(access.sessions.endsAtMs(session));
  return { expiresAt: timeText(session.expiresAtMs), idleEndsAt };
}

function nameOf(caller: Caller): string {
  return personOf(caller) ?? 'owner';
}

export function boundOf({ signal }: Pick<SessionParts, 'signal'>): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(boundMs)]);
}
