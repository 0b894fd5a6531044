import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';

import { SignInProviderError } from '../../../ports/sign-in-provider.ts';
import type { OidcDesk } from '../access/oidc-desk.ts';
import { open } from '../access/route-access.ts';
import { giveCookie, readCookie, signInCookie, takeCookie } from '../access/session-cookie.ts';
import { HttpProblem } from './http-problem.ts';
import type { Http } from './http-server.ts';
import { boundOf, requirePatience, type SessionParts, signedIn } from './http-session-routes.ts';

/** Of this server: `/rollouts?name=pay`. A browser takes `//host` and `/\host` for another one. */
const returnPath = z
  .string()
  .max(500)
  .regex(/^\/(?![/\\])[\x21-\x7e]*$/, 'must be a path of this server, as /rollouts')
  .refine((path) => new URL(path, 'http://a').origin === 'http://a');

const callbackQuery = z.object({ state: z.string().min(1).max(200) });

const cookieSeconds = 600;

/** Signing in at the OpenID provider: there, and back. A browser gets pages; whoever asks for JSON gets problems. */
export function addOidcRoutes(
  http: Http,
  parts: Pick<SessionParts, 'access' | 'site' | 'oidc' | 'signal'>,
): void {
  http.get(
    '/v1/session/oidc',
    {
      config: open,
      schema: { querystring: z.object({ returnTo: returnPath.default('/') }) },
      errorHandler: asPage,
    },
    async (request, reply) => {
      const desk = required(parts.oidc);
      requirePatience(request, reply, parts);
      const redirectUrl = `${parts.site.originOf(request)}/v1/session/oidc/callback`;
      const { returnTo } = request.query;
      const { url, browserSecret } = await asked(
        desk.begin({ redirectUrl, returnTo }, boundOf(parts)),
      );
      const cookie = signInCookie(request, parts.site.isSecure(request));
      giveCookie(reply, cookie, browserSecret, cookieSeconds);
      return reply.redirect(url, 303);
    },
  );
  http.get(
    '/v1/session/oidc/callback',
    { config: open, schema: { querystring: callbackQuery }, errorHandler: asPage },
    async (request, reply) => {
      // Not counted: what was not begun here costs nothing, and what was is finished once.
      const desk = required(parts.oidc);
      const cookie = signInCookie(request, parts.site.isSecure(request));
      const browserSecret = readCookie(request, cookie);
      const { state } = request.query;
      const search = request.url.slice(request.url.indexOf('?'));
      const said = await asked(desk.finish({ search, state, browserSecret }, boundOf(parts)));
      if (said.kind === 'refused') throw new HttpProblem(said.status, said.because);
      takeCookie(reply, cookie);
      signedIn(said.said, { request, reply }, parts);
      return reply.redirect(said.returnTo, 303);
    },
  );
}

function required(desk: OidcDesk | null): OidcDesk {
  if (desk !== null) return desk;
  throw new HttpProblem(404, 'no OpenID provider is set up here; see tidegate up --oidc');
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof SignInProviderError)) throw error;
    if (error.code === 'refused') throw new HttpProblem(401, `${error.message}; sign in again`);
    const remedy = 'try again, or sign in with a link: tidegate login-link';
    throw new HttpProblem(503, `${error.message}; ${remedy}`);
  }
}

/** What a browser shows; everybody else gets the problem as from any route. */
function asPage(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  if (!/\btext\/html\b/.test(request.headers.accept ?? '')) throw error;
  const status = error.statusCode ?? 500;
  reply
    .status(status)
    .type('text/html; charset=utf-8')
    .serializer((text: unknown) => String(text))
    .send(pageOf(error.message));
}

function pageOf(detail: string): string {
  const said = detail.replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Not signed in - Tidegate</title>
<h1>You are not signed in</h1>
<p>${said}.</p>
<p><a href="/v1/session/oidc">Try again</a> or <a href="/login">sign in another way</a>.</p>
</html>
`;
}
