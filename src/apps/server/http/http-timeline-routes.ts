import { timelineQuerySchema, timelineSchema } from '../../../api/timeline-wire.ts';
import type { Clock } from '../../../ports/clock.ts';
import { ofService } from '../access/route-access.ts';
import type { TimelineJournal } from '../timeline-journal.ts';
import { timelineView } from '../views/timeline-view.ts';
import { HttpProblem } from './http-problem.ts';
import type { Http } from './http-server.ts';

export interface TimelineRouteParts {
  readonly timeline: TimelineJournal;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly signal: AbortSignal;
}

/** What happened, on one axis of time. */
export function addTimelineRoutes(http: Http, parts: TimelineRouteParts): void {
  http.get(
    '/v1/timeline',
    {
      config: ofService('services:read', () => null),
      schema: { querystring: timelineQuerySchema, response: { 200: timelineSchema } },
    },
    async ({ query, sees }) => {
      const { since, until } = query;
      if (since !== undefined && Date.parse(since) >= Date.parse(until ?? '9999-01-01T00:00:00Z')) {
        throw new HttpProblem(400, `since ${since} is not before until ${until}`);
      }
      const { entries, isWhole } = await parts.timeline.entries(parts.signal);
      return timelineView(entries, query, { nowMs: parts.clock.nowMs(), sees, isWhole });
    },
  );
}
