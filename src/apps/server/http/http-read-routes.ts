import { z } from 'zod';
import {
  ledgerInputSchema,
  rolloutHistorySchema,
  rolloutReplaySchema,
  serverStatusSchema,
  serviceListSchema,
  serviceSchema,
} from '../../../api/wire.ts';
import { rolloutListQuerySchema, rolloutListSchema } from '../../../api/rollout-list-wire.ts';
import { estimateResponseSchema } from '../../../api/estimate-wire.ts';
import { serviceOfRollout } from '../../../control/replay/replay.ts';
import { ofServer, ofService, open } from '../access/route-access.ts';
import { paramOf } from '../access/request-names.ts';
import type { Http } from './http-server.ts';
import { HttpProblem } from './http-problem.ts';
import type { ServerParts } from '../server-parts.ts';

const nameParams = z.object({ name: z.string().min(1).max(63) });

/** `<service>-<number>`. */
const rolloutParams = z.object({ id: z.string().min(1).max(80) });

const digestParams = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) });

/** What can be looked at. */
export function addReadRoutes(http: Http, parts: ServerParts): void {
  addRolloutList(http, parts);
  const okay = z.object({ status: z.literal('ok') });
  http.get('/livez', { config: open, schema: { response: { 200: okay } } }, async () => ({
    status: 'ok' as const,
  }));
  http.get('/readyz', { config: open, schema: { response: { 200: okay } } }, async () => {
    const missing = parts.notReady();
    if (missing !== null) throw new HttpProblem(503, missing);
    return { status: 'ok' as const };
  });
  http.get('/openapi.json', { config: ofServer('server:read'), schema: { hide: true } }, async () =>
    http.swagger(),
  );
  http.get(
    '/v1/status',
    { config: ofServer('server:read'), schema: { response: { 200: serverStatusSchema } } },
    async () => parts.status(),
  );
  http.get(
    '/v1/services',
    {
      config: ofService('services:read', () => null),
      schema: { response: { 200: serviceListSchema } },
    },
    async (request) => ({
      items: parts.plane.services().filter(({ metadata }) => request.sees(metadata.name)),
    }),
  );
  http.get(
    '/v1/services/:name',
    { config: ofOneService, schema: { params: nameParams, response: { 200: serviceSchema } } },
    async (request) => parts.plane.service(request.params.name),
  );
  http.get(
    '/v1/services/:name/rollouts',
    {
      config: ofOneService,
      schema: { params: nameParams, response: { 200: rolloutHistorySchema } },
    },
    async (request) => ({ items: parts.plane.history(request.params.name) }),
  );
  http.get(
    '/v1/rollouts/:id/replay',
    {
      config: ofService('services:read', (request) => serviceOfRollout(paramOf(request, 'id'))),
      schema: { params: rolloutParams, response: { 200: rolloutReplaySchema } },
    },
    async (request) => parts.plane.replay(request.params.id, parts.signal),
  );
  http.get(
    '/v1/estimate/:id',
    {
      config: ofService('services:estimate', (request) => serviceOf(parts, paramOf(request, 'id'))),
      schema: { params: rolloutParams, response: { 200: estimateResponseSchema } },
    },
    async (request) => ({ items: parts.plane.estimateOngoing(request.params.id) }),
  );
  http.get(
    '/v1/ledger/inputs/:sha256',
    {
      config: ofServer('ledger:read'),
      schema: { params: digestParams, response: { 200: ledgerInputSchema } },
    },
    async (request) => parts.plane.input(request.params.sha256, parts.signal),
  );
}

const ofOneService = ofService('services:read', (request) => paramOf(request, 'name'));

/** `id`: of a service, or of a rollout, which has its service's name in it. */
function serviceOf({ plane }: ServerParts, id: string): string {
  return plane.isKnown(id) ? id : serviceOfRollout(id);
}

/** Of all services, page by page. */
function addRolloutList(http: Http, parts: ServerParts): void {
  http.get(
    '/v1/rollouts',
    {
      config: ofService('services:read', () => null),
      schema: { querystring: rolloutListQuerySchema, response: { 200: rolloutListSchema } },
    },
    async ({ query, sees }) => {
      const page = parts.plane.rollouts(query, sees);
      return { metadata: { continue: page.continue }, items: [...page.items] };
    },
  );
}
