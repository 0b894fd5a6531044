import { graphQuerySchema, graphSchema } from '../../../api/graph-wire.ts';
import type { ControlLoop } from '../../../control/loop/loop.ts';
import type { Clock } from '../../../ports/clock.ts';
import { queryOf } from '../access/request-names.ts';
import { ofService } from '../access/route-access.ts';
import type { FlowMeter } from '../flow-meter.ts';
import { graphView } from '../views/graph-view.ts';
import { HttpProblem } from './http-problem.ts';
import type { Http } from './http-server.ts';

export interface GraphRouteParts {
  readonly loop: Pick<ControlLoop, 'service' | 'services'>;
  readonly flows: FlowMeter;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** Services, what flows to them, and what is wrong. */
export function addGraphRoutes(http: Http, parts: GraphRouteParts): void {
  http.get(
    '/v1/graph',
    {
      config: ofService('services:read', (request) => queryOf(request, 'service')),
      schema: { querystring: graphQuerySchema, response: { 200: graphSchema } },
    },
    async ({ query, sees }) => {
      const { loop, flows: meter, clock } = parts;
      const { service } = query;
      const state = service === undefined ? null : loop.service(service);
      if (service !== undefined && (state === null || state.spec === null || state.isDeleted)) {
        throw new HttpProblem(404, `there is no service ${JSON.stringify(service)}`);
      }
      return graphView(loop.services, query, { meter, nowMs: clock.nowMs(), sees });
    },
  );
}
