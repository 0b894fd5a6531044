import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { eventListSchema, logLineSchema } from '../../../api/wire.ts';
import { ofServer, ofService } from '../access/route-access.ts';
import { queryOf } from '../access/request-names.ts';
import { eventStream } from '../event-stream.ts';
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
      const lastId = String(request.headers['last-event-id'] ?? '');
      const isResumed = /^\d{1,15}$/.test(lastId);
      const fromIndex = isResumed ? Number(lastId) + 1 : from;
      reply.header('cache-control', 'no-store');
      const stream = {
        feed: parts.feed,
        past: (index: number, until: AbortSignal) =>
          parts.plane.eventsFrom({ fromIndex: index, service }, until),
        size: () => parts.recorder.size,
        isWanted: (event: { readonly service: string | null }) =>
          (service === null || event.service === service) && request.sees(event.service),
        drop: () => request.raw.socket.destroy(),
      };
      return send(
        { reply, request },
        'text/event-stream',
        eventStream(stream, { fromIndex, isResumed }, signalOf(request, parts)),
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

/** Ends with the caller's token, at the next line: of events one comes every 15 s. */
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
