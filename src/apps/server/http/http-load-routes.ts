import { z } from 'zod';

import { loadReceiptSchema, loadTestSchema } from '../../../api/load-wire.ts';
import type { LoadDesk } from '../../../control/desks/load-desk.ts';
import type { ControlLoop } from '../../../control/loop/loop.ts';
import type { Clock } from '../../../ports/clock.ts';
import { paramOf } from '../access/request-names.ts';
import { ofService } from '../access/route-access.ts';
import type { EventFeed } from '../event-feed.ts';
import { HttpProblem } from './http-problem.ts';
import type { Http } from './http-server.ts';
import { timeText } from '../views/time-text.ts';

export interface LoadParts {
  readonly loads: LoadDesk;
  readonly loop: Pick<ControlLoop, 'service'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly feed: EventFeed;
  readonly signal: AbortSignal;
}

/** How long the entry is waited for. */
const boundMs = 20_000;
const nameParams = z.object({ name: z.string().min(1).max(63) });

/** What a load test found becomes evidence of its service. */
export function addLoadRoutes(http: Http, parts: LoadParts): void {
  http.post(
    '/v1/services/:name/load-tests',
    {
      config: ofService('load-tests:record', (request) => paramOf(request, 'name'), 'own'),
      schema: {
        params: nameParams,
        body: loadTestSchema,
        response: { 200: loadReceiptSchema },
      },
    },
    async (request) => {
      const { name } = request.params;
      const state = parts.loop.service(name);
      if (state === null || state.spec === null || state.isDeleted) {
        throw new HttpProblem(404, `there is no service ${JSON.stringify(name)}`);
      }
      const signal = AbortSignal.any([parts.signal, AbortSignal.timeout(boundMs)]);
      const { who, why, ...test } = request.body;
      const recorded = await parts.loads.record(state, { ...test, by: { who, why } }, signal);
      const { index, sentence, rolloutId, sha256, notKept } = recorded;
      parts.feed.publish({
        index,
        at: timeText(parts.clock.nowMs()),
        type: 'load-test',
        service: name,
        rolloutId,
        decision: 'load-test',
        weightPercent: null,
        by: { who, why },
        severity: 'info',
        sentence,
      });
      return { entryIndex: index, sentence, rolloutId, sha256, notKept };
    },
  );
}
