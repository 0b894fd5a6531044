import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  actionPreviewSchema,
  previewQuerySchema,
  rolloutResourceSchema,
  rolloutSamplesQuerySchema,
  rolloutSamplesSchema,
} from '../../../api/rollout-wire.ts';
import { serviceOfRollout } from '../../../control/replay/replay.ts';
import type { ServiceAction } from '../../../domain/identity/access-action.ts';
import { paramOf } from '../access/request-names.ts';
import { ofBody, ofService, serviceResource, type Wish } from '../access/route-access.ts';
import type { RolloutDesk } from '../rollout-desk.ts';
import type { Http } from './http-server.ts';

export interface RolloutRouteParts {
  readonly rollouts: RolloutDesk;
  readonly signal: AbortSignal;
}

/** `<service>-<number>`. */
const params = z.object({ id: z.string().min(1).max(80) });

/** One rollout: what it is, how it went, and what would happen. */
export function addRolloutRoutes(http: Http, { rollouts, signal }: RolloutRouteParts): void {
  const reading = ofService('services:read', serviceIn);
  http.get(
    '/v1/rollouts/:id',
    { config: reading, schema: { params, response: { 200: rolloutResourceSchema } } },
    async (request) => rollouts.resource(request.params.id, signal),
  );
  http.get(
    '/v1/rollouts/:id/samples',
    {
      config: reading,
      schema: {
        params,
        querystring: rolloutSamplesQuerySchema,
        response: { 200: rolloutSamplesSchema },
      },
    },
    async (request) => rollouts.samples(request.params.id, request.query.points, signal),
  );
  http.get(
    '/v1/rollouts/:id/preview',
    {
      // Who may not do it is not told what would be done: the difference has the settings of both revisions.
      config: ofBody(previewed, 'none', previewWish),
      schema: {
        params,
        querystring: previewQuerySchema,
        response: { 200: actionPreviewSchema },
      },
    },
    async (request) => rollouts.preview(request.params.id, request.query),
  );
}

const previewed = [
  'rollouts:promote',
  'rollouts:promote-full',
  'rollouts:pause',
  'rollouts:resume',
  'rollouts:abort',
  'rollouts:retry',
  'rollouts:undo',
] as const satisfies readonly ServiceAction[];

function previewWish(request: FastifyRequest): Wish {
  const { action } = previewQuerySchema.parse(request.query);
  return { action: `rollouts:${action}`, resources: [serviceResource(serviceIn(request))] };
}

function serviceIn(request: FastifyRequest): string {
  return serviceOfRollout(paramOf(request, 'id'));
}
