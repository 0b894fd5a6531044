import { z } from 'zod';
import {
  ledgerInputSchema,
  rolloutHistorySchema,
  rolloutReplaySchema,
  serverStatusSchema,
  serviceListSchema,
  serviceSchema,
} from '../../api/wire.ts';
import { estimateResponseSchema } from '../../api/estimate-wire.ts';
import type { Http } from './http-server.ts';
import { HttpProblem } from './http-problem.ts';
import type { ServerParts } from './server-parts.ts';

const nameParams = z.object({ name: z.string().min(1).max(63) });

/** `<service>-<number>`. */
const rolloutParams = z.object({ id: z.string().min(1).max(80) });

const digestParams = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) });

/** What can be looked at. */
export function addReadRoutes(http: Http, parts: ServerParts): void {
  const okay = z.object({ status: z.literal('ok') });
  http.get('/livez', { schema: { response: { 200: okay } } }, async () => ({
    status: 'ok' as const,
  }));
  http.get('/readyz', { schema: { response: { 200: okay } } }, async () => {
    const missing = parts.notReady();
    if (missing !== null) throw new HttpProblem(503, missing);
    return { status: 'ok' as const };
  });
  http.get('/openapi.json', { schema: { hide: true } }, async () => http.swagger());
  http.get('/v1/status', { schema: { response: { 200: serverStatusSchema } } }, async () =>
    parts.status(),
  );
  http.get('/v1/services', { schema: { response: { 200: serviceListSchema } } }, async () => ({
    items: parts.plane.services(),
  }));
  http.get(
    '/v1/services/:name',
    { schema: { params: nameParams, response: { 200: serviceSchema } } },
    async (request) => parts.plane.service(request.params.name),
  );
  http.get(
    '/v1/services/:name/rollouts',
    { schema: { params: nameParams, response: { 200: rolloutHistorySchema } } },
    async (request) => ({ items: parts.plane.history(request.params.name) }),
  );
  http.get(
    '/v1/rollouts/:id/replay',
    { schema: { params: rolloutParams, response: { 200: rolloutReplaySchema } } },
    async (request) => parts.plane.replay(request.params.id, parts.signal),
  );
  http.get(
    '/v1/estimate/:id',
    { schema: { params: rolloutParams, response: { 200: estimateResponseSchema } } },
    async (request) => ({ items: parts.plane.estimateOngoing(request.params.id) }),
  );
  http.get(
    '/v1/ledger/inputs/:sha256',
    { schema: { params: digestParams, response: { 200: ledgerInputSchema } } },
    async (request) => parts.plane.input(request.params.sha256, parts.signal),
  );
}
