import { z } from 'zod';
import {
  actionRequestSchema,
  actionResponseSchema,
  applyRequestSchema,
  applyResponseSchema,
  checkpointResponseSchema,
  stopRequestSchema,
} from '../../api/wire.ts';
import { estimateRequestSchema, estimateResponseSchema } from '../../api/estimate-wire.ts';
import { HttpProblem } from './http-problem.ts';
import type { Http } from './http-server.ts';
import type { ServerParts } from './server-parts.ts';

/** How long a request waits for its entry to be durable before the caller is told that the ledger is in trouble. */
const decisionBoundMs = 30_000;

/** What can be asked for. Each write is answered after its entry is in the ledger. */
export function addWriteRoutes(http: Http, parts: ServerParts): void {
  http.post(
    '/v1/apply',
    { schema: { body: applyRequestSchema, response: { 200: applyResponseSchema } } },
    async (request) => ({
      results: await bounded(parts, (signal) => parts.plane.apply(request.body, signal)),
    }),
  );
  http.post(
    '/v1/services/:name/actions',
    {
      schema: {
        params: z.object({ name: z.string().min(1).max(63) }),
        body: actionRequestSchema,
        response: { 200: actionResponseSchema },
      },
    },
    async (request) => ({
      outcome: 'done' as const,
      sentence: await bounded(parts, (signal) =>
        parts.plane.act(request.params.name, request.body, signal),
      ),
    }),
  );
  http.post(
    '/v1/estimate',
    { schema: { body: estimateRequestSchema, response: { 200: estimateResponseSchema } } },
    async (request) => ({ items: await parts.plane.estimate(request.body) }),
  );
  http.post(
    '/v1/ledger/checkpoint',
    { schema: { response: { 200: checkpointResponseSchema } } },
    async () => {
      const { size, note, witnesses, problem } = await bounded(parts, parts.makeCheckpoint);
      return { size, note, witnesses: [...witnesses], problem };
    },
  );
  http.post(
    '/v1/stop',
    { schema: { body: stopRequestSchema, response: { 202: z.object({ status: z.string() }) } } },
    async (request, reply) => {
      parts.stop(request.body.all);
      return reply.status(202).send({ status: 'stopping' });
    },
  );
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
