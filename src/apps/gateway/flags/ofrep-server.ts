import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RouteTable } from '../../../domain/traffic/routing/route-table.ts';
import { closed, listening } from '../listening.ts';
import { createServer } from '../node-http.ts';
import { AskingRevisions } from './asking-revisions.ts';
import { allFlags, contextOf, oneFlag, type OfrepAnswer, refusal } from './ofrep-answers.ts';

const connectionsMax = 1024;
const requestTimeoutMs = 10_000;
const keepAliveMs = 60_000;
const bodyBytesMax = 65_536;
const headBytesMax = 8192;
const root = '/ofrep/v1/evaluate/flags';

/**
 * The gateway's listener for instances that ask for their flags by OFREP. It stands apart from that for callers: it knows only
 * those that bring the token of a revision of the table, and says of no flag of another.
 */
export class OfrepServer implements AsyncDisposable {
  readonly #askers: AskingRevisions;
  readonly #server: Server;

  constructor(table: () => RouteTable | null) {
    this.#askers = new AskingRevisions(table);
    this.#server = createServer(
      {
        requestTimeout: requestTimeoutMs,
        headersTimeout: requestTimeoutMs,
        keepAliveTimeout: keepAliveMs,
        maxHeaderSize: headBytesMax,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.maxConnections = connectionsMax;
  }

  /** Rejects with the system's error (EADDRINUSE) when it cannot listen. */
  listen({ host, port }: { readonly host: string; readonly port: number }): Promise<AddressInfo> {
    return listening(this.#server, { host, port });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return closed(this.#server);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {});
    try {
      send(response, await this.#answer(request));
    } catch (error) {
      // Who asks has gone, or a defect of ours, which must not end the traffic.
      if (request.destroyed && !request.complete) return;
      const details = error instanceof Error ? error.message : String(error);
      send(response, refusal('GENERAL', details, null));
    }
  }

  async #answer(request: IncomingMessage): Promise<OfrepAnswer> {
    const asker = this.#askers.ask(tokenOf(request), performance.now());
    if (asker.kind === 'unknown') return unknown;
    if (asker.kind === 'too-often') {
      const headers = { 'retry-after': String(asker.retryAfterSeconds) };
      return { status: 429, body: { errorDetails: 'this revision asks too often' }, headers };
    }
    const wish = wishOf(request.url ?? '/');
    if (wish === null) {
      const body = { errorDetails: `here are POST ${root} and ${root}/{key}` };
      return { status: 404, body };
    }
    if (request.method !== 'POST') {
      return {
        status: 405,
        body: { errorDetails: 'only POST is served' },
        headers: { allow: 'POST' },
      };
    }
    const text = await bodyOf(request);
    if (text === null) {
      const answer = refusal(
        'PARSE_ERROR',
        `the body has more than ${bodyBytesMax} bytes`,
        wish.key,
      );
      return { ...answer, headers: { connection: 'close' } };
    }
    const context = contextOf(text, wish.key);
    if ('status' in context) return context;
    const { asked } = asker;
    return wish.key === null
      ? allFlags(asked, context, request.headers['if-none-match'] ?? null)
      : oneFlag(asked, wish.key, context);
  }
}

const unknown: OfrepAnswer = {
  status: 401,
  body: { errorDetails: 'send what OFREP_HEADERS of the instance says' },
  // RFC 6750 3; and who guesses has to connect anew.
  headers: { 'www-authenticate': 'Bearer', connection: 'close' },
};

/** As OFREP has it: a bearer token (RFC 6750 2.1), or X-API-Key. */
function tokenOf({ headers }: IncomingMessage): string | null {
  const bearer = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const key = headers['x-api-key'];
  return typeof key === 'string' ? key : null;
}

/** Key null: all flags. Null: another path. */
function wishOf(url: string): { readonly key: string | null } | null {
  const path = url.replace(/\?.*$/, '');
  if (path === root || path === `${root}/`) return { key: null };
  if (!path.startsWith(`${root}/`)) return null;
  const key = path.slice(root.length + 1);
  try {
    return { key: decodeURIComponent(key) };
  } catch {
    // No key of a flag has a percent sign: it is looked for as it stands, and not found.
    return { key };
  }
}

/** Null: too large. What comes beyond the bound is dropped. */
async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    sizeBytes += part.length;
    if (sizeBytes > bodyBytesMax) return null;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function send(response: ServerResponse, { status, body, headers = {} }: OfrepAnswer): void {
  if (response.headersSent) return;
  const common = { 'cache-control': 'no-store', ...headers };
  if (body === null) {
    response.writeHead(status, common).end();
    return;
  }
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...common,
  });
  response.end(text);
}
