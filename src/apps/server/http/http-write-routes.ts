import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  type ActionRequest,
  actionRequestSchema,
  actionResponseSchema,
  applyRequestSchema,
  applyResponseSchema,
  checkpointResponseSchema,
  filesSchema,
  stopRequestSchema,
} from '../../../api/wire.ts';
import { estimateRequestSchema, estimateResponseSchema } from '../../../api/estimate-wire.ts';
import { parseReleaseFiles } from '../../../api/release-file/parse-release-files.ts';
import type { ServiceAction } from '../../../domain/identity/access-action.ts';
import { ofBody, ofServer, serviceResource, type Wish } from '../access/route-access.ts';
import { paramOf } from '../access/request-names.ts';
import { HttpProblem } from './http-problem.ts';
import type { Http } from './http-server.ts';
import type { ServerParts } from '../server-parts.ts';

/** How long a request waits for its entry to be durable before the caller is told that the ledger is in trouble. */
const decisionBoundMs = 30_000;

/** What can be asked for. Each write is answered after its entry is in the ledger. */
export function addWriteRoutes(http: Http, parts: ServerParts): void {
  http.post(
    '/v1/apply',
    {
      config: ofBody(['services:apply'], 'own', (request) =>
        filesWish('services:apply', request.body),
      ),
      schema: { body: applyRequestSchema, response: { 200: applyResponseSchema } },
    },
    async (request) => ({
      results: await bounded(parts, (signal) => parts.plane.apply(request.body, signal)),
    }),
  );
  http.post(
    '/v1/services/:name/actions',
    {
      config: ofBody(operating, 'own', operatingWish),
      schema: {
        params: z.object({ name: z.string().min(1).max(63) }),
        body: actionRequestSchema,
        response: { 200: actionResponseSchema },
      },
    },
    async (request) => ({
      outcome: 'done' as const,
      sentence: await bounded(parts, (signal) =>
        parts.plane.act(request.params.name, withIfMatch(request), signal),
      ),
    }),
  );
  http.post(
    '/v1/estimate',
    {
      config: ofBody(['services:estimate'], 'none', (request) =>
        filesWish('services:estimate', request.body),
      ),
      schema: { body: estimateRequestSchema, response: { 200: estimateResponseSchema } },
    },
    async (request) => ({ items: await parts.plane.estimate(request.body) }),
  );
  http.post(
    '/v1/ledger/checkpoint',
    {
      config: ofServer('ledger:checkpoint'),
      schema: { response: { 200: checkpointResponseSchema } },
    },
    async () => {
      const { size, note, witnesses, problem } = await bounded(parts, parts.makeCheckpoint);
      return { size, note, witnesses: [...witnesses], problem };
    },
  );
  http.post(
    '/v1/stop',
    {
      config: ofServer('server:stop', 'access'),
      schema: { body: stopRequestSchema, response: { 202: z.object({ status: z.string() }) } },
    },
    async (request, reply) => {
      parts.stop(request.body.all);
      return reply.status(202).send({ status: 'stopping' });
    },
  );
}

const operating = [
  'rollouts:promote',
  'rollouts:promote-full',
  'rollouts:override',
  'rollouts:pause',
  'rollouts:resume',
  'rollouts:abort',
  'rollouts:retry',
  'rollouts:undo',
  'services:restart',
  'services:delete',
] as const satisfies readonly ServiceAction[];

/** Of the body, which its schema has let through. */
function operatingWish(request: FastifyRequest): Wish {
  const { action, override } = actionRequestSchema.parse(request.body);
  const resources = [serviceResource(paramOf(request, 'name'))];
  if (override) return { action: 'rollouts:override', resources };
  if (action === 'restart' || action === 'delete') {
    return { action: `services:${action}`, resources };
  }
  return { action: `rollouts:${action}`, resources };
}

/** Every service that the files name; where they name none, nothing can be done, and what is wrong with them is the answer. */
function filesWish(action: 'services:apply' | 'services:estimate', body: unknown): Wish {
  const { services } = parseReleaseFiles(filesSchema.parse(body).files);
  const names = services.length === 0 ? [null] : services.map(({ name }) => name);
  return { action, resources: names.map((name) => serviceResource(name)) };
}

/** If-Match (RFC 9110 section 13.1.1) says the same as `resourceVersion` of the body. */
function withIfMatch({
  body,
  headers,
}: {
  readonly body: ActionRequest;
  readonly headers: { readonly 'if-match'?: string | undefined };
}): ActionRequest {
  const header = headers['if-match'];
  if (header === undefined || header === '*') return body;
  const resourceVersion = /^"(\d{1,15})"$/.exec(header)?.[1];
  if (resourceVersion !== undefined) return { ...body, resourceVersion };
  throw new HttpProblem(400, `If-Match must be one resourceVersion in quotes, as "17"`);
}

async function bounded<Result>(
  parts: ServerParts,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const bound = AbortSignal.timeout(decisionBoundMs);
  try {
    return await work(AbortSignal.any([parts.signal, bound]));
  } catch (error) {
    if (parts.signal.aborted) throw new HttpProblem(503, 'the server is stopping');
    if (bound.aborted) {
      throw new HttpProblem(
        503,
        `no entry was written within ${decisionBoundMs / 1000} s; it may still be: look at "tidegate events"`,
      );
    }
    throw error;
  }
}
