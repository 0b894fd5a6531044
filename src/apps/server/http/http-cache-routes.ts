import { cachePurgeReceiptSchema, cachePurgeSchema } from '../../../api/cache-wire.ts';
import type { CacheDesk } from '../../../control/desks/cache-desk.ts';
import type { ControlLoop } from '../../../control/loop/loop.ts';
import { ofBody, serviceResource } from '../access/route-access.ts';
import type { EventFeed } from '../event-feed.ts';
import { HttpProblem } from './http-problem.ts';
import type { Http } from './http-server.ts';
import { areRoutesInForce } from './routes-in-force.ts';
import { timeText } from '../views/time-text.ts';

export interface CacheParts {
  readonly cache: CacheDesk;
  readonly loop: Pick<ControlLoop, 'service' | 'pushRoutes'>;
  readonly feed: EventFeed;
  readonly signal: AbortSignal;
}

/** How long the entry, and then the gateway, are waited for. */
const boundMs = 20_000;

/** Stored answers that shall be gone. */
export function addCacheRoutes(http: Http, parts: CacheParts): void {
  http.post(
    '/v1/cache-purges',
    {
      config: ofBody(['cache:purge'], 'own', ({ body }) => {
        const { service } = cachePurgeSchema.parse(body);
        return { action: 'cache:purge', resources: [serviceResource(service)] };
      }),
      schema: { body: cachePurgeSchema, response: { 200: cachePurgeReceiptSchema } },
    },
    async (request) => {
      const { service, what, who, why } = request.body;
      const spec = parts.loop.service(service)?.spec ?? null;
      if (spec === null) {
        throw new HttpProblem(404, `there is no service ${JSON.stringify(service)}`);
      }
      if (spec.trafficPolicy?.cache === undefined) {
        throw new HttpProblem(
          409,
          `${service} has no "cache" in its file: nothing of it is stored`,
        );
      }
      const signal = AbortSignal.any([parts.signal, AbortSignal.timeout(boundMs)]);
      const said = await parts.cache.purge({ service, what, by: { who, why } }, signal);
      if (said.kind === 'refused') throw new HttpProblem(400, said.because);
      const { index, atMs, sentence } = said.entry;
      parts.feed.publish({
        index,
        at: timeText(atMs),
        type: 'operator-action',
        service,
        rolloutId: null,
        decision: null,
        weightPercent: null,
        by: { who, why },
        severity: 'info',
        sentence,
      });
      return { entryIndex: index, sentence, isInForce: await areRoutesInForce(parts.loop, signal) };
    },
  );
}
