import { once } from 'node:events';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { eventListSchema, type EventView, logLineSchema } from '../../../api/wire.ts';
import { ofServer, ofService } from '../access/route-access.ts';
import { queryOf } from '../access/request-names.ts';
import type { Http } from './http-server.ts';
import type { ServerParts } from '../server-parts.ts';

const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((text) => text === 'true');
const name = z.string().min(1).max(200).optional();

const eventQuery = z.object({
  from: z.coerce.number().int().min(0).default(0),
  service: name,
  follow: flag,
});

const logQuery = z.object({
  service: z.string().min(1).max(63),
  revision: name,
  instance: name,
  tail: z.coerce.number().int().min(0).max(1_000_000).default(100),
  follow: flag,
});

const exportQuery = z.object({
  /** Entries before it are left out: for who has them. */
  from: z.coerce.number().int().min(0).default(0),
});

/** Comment lines keep proxies and clients sure that the stream lives. */
const keepAliveMs = 15_000;

/** What goes on: events, logs, and the ledger as one file. */
export function addStreamRoutes(http: Http, parts: ServerParts): void {
  addEvents(http, parts);
  addLogs(http, parts);
  http.get(
    '/v1/ledger/export',
    {
      config: ofServer('ledger:read'),
      schema: {
        querystring: exportQuery,
        response: { 200: lines('application/jsonl', z.unknown()) },
      },
    },
    async (request, reply) =>
      send(
        { reply, request },
        'application/jsonl',
        parts.exportLedger(signalOf(request, parts), request.query.from),
      ),
  );
}

function addEvents(http: Http, parts: ServerParts): void {
  http.get(
    '/v1/events',
    {
      config: ofService('services:read', (request) => queryOf(request, 'service')),
      schema: {
        querystring: eventQuery,
        response: {
          200: {
            description: 'What happened; with `follow`, also what comes, as an event stream.',
            content: {
              'application/json': { schema: eventListSchema },
              'text/event-stream': { schema: z.string() },
            },
          },
        },
      },
    },
    async (request, reply) => {
      const { from, follow } = request.query;
      const service = request.query.service ?? null;
      if (service !== null) parts.plane.requireKnown(service);
      if (!follow) {
        const items = await parts.plane.events({ fromIndex: from, service }, parts.signal);
        return { items: items.filter((event) => request.sees(event.service)) };
      }
      const resumed = Number(request.headers['last-event-id'] ?? Number.NaN);
      const fromIndex = Number.isInteger(resumed) ? resumed + 1 : from;
      const signal = signalOf(request, parts);
      reply.header('cache-control', 'no-store');
      return send(
        { reply, request },
        'text/event-stream',
        followEvents(parts, { fromIndex, service, sees: request.sees }, signal),
      );
    },
  );
}

function addLogs(http: Http, parts: ServerParts): void {
  http.get(
    '/v1/logs',
    {
      config: ofService('services:logs', (request) => queryOf(request, 'service')),
      schema: {
        querystring: logQuery,
        response: { 200: lines('application/x-ndjson', logLineSchema) },
      },
    },
    async (request, reply) => {
      const { service, revision, instance, tail, follow } = request.query;
      parts.plane.requireKnown(service);
      const query = {
        service,
        revisionId: revision ?? null,
        instanceId: instance ?? null,
        tailLines: tail,
        follow,
      };
      const lines = parts.platform.logs(query, signalOf(request, parts));
      return send({ reply, request }, 'application/x-ndjson', jsonLines(lines));
    },
  );
}

/** Each is a value of its own. */
function lines(type: string, schema: z.ZodType) {
  return { description: 'One JSON value a line.', content: { [type]: { schema } } };
}

/** Past entries first, then each new one; none twice and none left out. */
async function* followEvents(
  parts: ServerParts,
  query: {
    readonly fromIndex: number;
    readonly service: string | null;
    readonly sees: (service: string | null) => boolean;
  },
  signal: AbortSignal,
): AsyncGenerator<string> {
  const queue: EventView[] = [];
  const wake = new EventTarget();
  using following = parts.feed.follow((event) => {
    queue.push(event);
    wake.dispatchEvent(new Event('event'));
  });
  void following;
  // Headers go out with the first bytes, and until then a caller cannot tell a quiet stream from none.
  yield ': here\n\n';
  let nextIndex = query.fromIndex;
  for (const event of await parts.plane.events(query, signal)) {
    nextIndex = event.index + 1;
    if (query.sees(event.service)) yield eventText(event);
  }
  while (!signal.aborted) {
    const event = queue.shift();
    if (event === undefined) {
      yield (await isAwake(wake, signal)) ? '' : ': still here\n\n';
    } else if (
      event.index >= nextIndex &&
      isWanted(event, query.service) &&
      query.sees(event.service)
    ) {
      yield eventText(event);
    }
  }
}

function isWanted(event: EventView, service: string | null): boolean {
  return service === null || event.service === service;
}

/** False after a silence of `keepAliveMs`. */
async function isAwake(wake: EventTarget, signal: AbortSignal): Promise<boolean> {
  const silence = AbortSignal.timeout(keepAliveMs);
  try {
    await once(wake, 'event', { signal: AbortSignal.any([signal, silence]) });
    return true;
  } catch {
    // Aborted: either silence, or the stream ends and the caller's loop sees it.
    return false;
  }
}

function eventText(event: EventView): string {
  return `id: ${event.index}\ndata: ${JSON.stringify(event)}\n\n`;
}

async function* jsonLines(lines: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const line of lines) yield `${JSON.stringify(line)}\n`;
}

/** Ends with the caller's connection or the server, whichever goes first. */
function signalOf(request: FastifyRequest, parts: ServerParts): AbortSignal {
  const gone = new AbortController();
  request.raw.socket.once('close', () => gone.abort(new Error('the caller is gone')));
  return AbortSignal.any([gone.signal, parts.signal]);
}

function send(
  { reply, request }: { readonly reply: FastifyReply; readonly request: FastifyRequest },
  type: string,
  lines: AsyncIterable<string>,
): FastifyReply {
  return reply
    .header('content-type', type)
    .serializer((payload: unknown) => payload as string)
    .send(
      Readable.from(quiet(whileInForce(request, lines)), {
        objectMode: false,
        highWaterMark: 64 * 1024,
      }),
    );
}

/** Ends with the caller's token, at the next line: of events one comes every `keepAliveMs`. */
async function* whileInForce(
  { isInForce }: FastifyRequest,
  lines: AsyncIterable<string>,
): AsyncGenerator<string> {
  for await (const line of lines) {
    if (!isInForce()) return;
    yield line;
  }
}

/** A stream that was ended by its signal has ended, not failed. Empty pieces only woke the loop. */
async function* quiet(lines: AsyncIterable<string>): AsyncGenerator<string> {
  try {
    for await (const line of lines) if (line !== '') yield line;
  } catch (error) {
    if (!(error instanceof Error) || !isAbort(error)) throw error;
  }
}

function isAbort(error: Error): boolean {
  return error.name === 'AbortError' || error.message === 'the caller is gone';
}
