import { z } from 'zod';

import { flagEvaluationRequestSchema, flagEvaluationSchema } from '../../../api/flags-wire.ts';
import type { ControlLoop } from '../../../control/loop/loop.ts';
import { readContext } from '../../../domain/flags/evaluate-flag.ts';
import { paramOf } from '../access/request-names.ts';
import { ofService } from '../access/route-access.ts';
import { flagEvaluations } from '../views/flag-views.ts';
import { HttpProblem } from './http-problem.ts';
import type { Http } from './http-server.ts';

const nameParams = z.object({ name: z.string().min(1).max(63) });

/** To try a context. Instances ask the gateway, which needs no server for it. */
export function addFlagRoutes(
  http: Http,
  { loop }: { readonly loop: Pick<ControlLoop, 'service'> },
): void {
  http.post(
    '/v1/services/:name/flags/evaluate',
    {
      config: ofService('services:read', (request) => paramOf(request, 'name')),
      schema: {
        params: nameParams,
        body: flagEvaluationRequestSchema,
        response: { 200: flagEvaluationSchema },
      },
    },
    async (request) => {
      const { name } = request.params;
      const state = loop.service(name);
      if (state === null || state.spec === null || state.isDeleted) {
        throw new HttpProblem(404, `there is no service ${JSON.stringify(name)}`);
      }
      const context = readContext(request.body.context);
      if (typeof context === 'string') throw new HttpProblem(400, context);
      const { key = null } = request.body;
      const isThere = state.traffic?.flags?.some(({ flags }) =>
        flags.some((each) => each.key === key),
      );
      if (key !== null && isThere !== true) {
        const remedy = `list what there is: tidegate get flags ${name}`;
        throw new HttpProblem(404, `${name} has no flag ${JSON.stringify(key)}; ${remedy}`);
      }
      return { items: [...flagEvaluations(state, context, key)] };
    },
  );
}
