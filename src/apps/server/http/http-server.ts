import swagger from '@fastify/swagger';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import {
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import type { ProblemDetails } from '../../../api/wire.ts';
import { LedgerError } from '../../../ports/ledger-store.ts';
import { addAccessHooks } from '../access/access-hooks.ts';
import { addIdempotencyHooks } from '../access/idempotency-hooks.ts';
import { addRequestLimit } from '../access/request-limit.ts';
import { apiDocument } from './api-document.ts';
import { addCacheRoutes } from './http-cache-routes.ts';
import { addApprovalRoutes } from './http-approval-routes.ts';
import { addConsole, consoleUrl } from './http-console.ts';
import { addKeyRoutes } from './http-key-routes.ts';
import { HttpProblem } from './http-problem.ts';
import { addEvidenceRoutes } from './http-evidence-routes.ts';
import { addEntityTags } from './entity-tags.ts';
import { addFaultRoutes } from './http-fault-routes.ts';
import { addFlagRoutes } from './http-flag-routes.ts';
import { addGraphRoutes } from './http-graph-routes.ts';
import { addLoadRoutes } from './http-load-routes.ts';
import { addOidcRoutes } from './http-oidc-routes.ts';
import { addPolicyRoutes } from './http-policy-routes.ts';
import { addReadRoutes } from './http-read-routes.ts';
import { addRolloutRoutes } from './http-rollout-routes.ts';
import { addSessionRoutes } from './http-session-routes.ts';
import { addStreamRoutes } from './http-stream-routes.ts';
import { addTimelineRoutes } from './http-timeline-routes.ts';
import { addTokenRoutes } from './http-token-routes.ts';
import { addWriteRoutes } from './http-write-routes.ts';
import { addSiteGuard } from './site-guard.ts';
import type { ServerParts } from '../server-parts.ts';

/** Fastify with zod types. */
export type Http = ReturnType<typeof bareServer>;

const bodyBytesMax = 8 * 1024 * 1024;

/** The HTTP API: everything but the health paths wants a token. Not listening yet. */
export async function httpServer(parts: ServerParts): Promise<FastifyInstance> {
  const http = bareServer();
  http.setValidatorCompiler(validatorCompiler);
  http.setSerializerCompiler(serializerCompiler);
  await http.register(swagger, apiDocument(parts.version));
  addSiteGuard(http, parts.site);
  await addAccessHooks(http, parts);
  await addRequestLimit(http);
  addIdempotencyHooks(http, parts);
  addEntityTags(http);
  http.setErrorHandler((error: FastifyError, _request, reply) => sendProblem(reply, error));
  http.setNotFoundHandler((request, reply) =>
    sendProblem(reply, new HttpProblem(404, `there is no ${request.method} ${pathOf(request)}`)),
  );
  await addConsole(http);
  await http.register(async (scope) => {
    const typed = scope.withTypeProvider<ZodTypeProvider>();
    addReadRoutes(typed, parts);
    addWriteRoutes(typed, parts);
    addApprovalRoutes(typed, parts);
    addKeyRoutes(typed, parts);
    addEvidenceRoutes(typed, parts);
    addFaultRoutes(typed, parts);
    addCacheRoutes(typed, parts);
    addPolicyRoutes(typed, parts);
    addFlagRoutes(typed, parts);
    addGraphRoutes(typed, parts);
    addLoadRoutes(typed, parts);
    addRolloutRoutes(typed, parts);
    addStreamRoutes(typed, parts);
    addTimelineRoutes(typed, parts);
    addTokenRoutes(typed, { ...parts, tokens: parts.access.tokens });
    addSessionRoutes(typed, parts);
    addOidcRoutes(typed, parts);
  });
  return http;
}

function pathOf(request: { readonly url: string }): string {
  return request.url.split('?', 1)[0] ?? '';
}

function bareServer() {
  return fastify({
    bodyLimit: bodyBytesMax,
    logger: false,
    forceCloseConnections: true,
    requestTimeout: 120_000,
    rewriteUrl: consoleUrl,
  }).withTypeProvider<ZodTypeProvider>();
}

function sendProblem(reply: FastifyReply, error: FastifyError | HttpProblem): FastifyReply {
  const details = problemOf(error);
  return reply
    .status(details.status)
    .header('content-type', 'application/problem+json')
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send(details);
}

function problemOf(error: FastifyError | HttpProblem): ProblemDetails {
  if (error instanceof HttpProblem) return error.details;
  if (error instanceof LedgerError) {
    return new HttpProblem(503, error.message).details;
  }
  const status = error.statusCode ?? 500;
  if (status === 413) {
    const limit = `${bodyBytesMax / 1024 / 1024} MiB`;
    return new HttpProblem(413, `the request is over ${limit}; send fewer files at once`).details;
  }
  return new HttpProblem(status >= 400 && status < 600 ? status : 500, error.message).details;
}
