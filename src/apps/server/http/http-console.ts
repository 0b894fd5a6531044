import { existsSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { open } from '../access/route-access.ts';
import { guardHeaders } from './site-guard.ts';

/** The same from src/apps/server/http and, in the package, from dist/apps/server/http. */
const builtFolder = fileURLToPath(new URL('../../../../dist/console/', import.meta.url));

const yearMs = 365 * 24 * 3_600_000;

const howToBuild = `The console is not built, so there is nothing to show here.

In the folder of Tidegate:  npm run build:console
(npm ci does it, unless it is told to run no scripts), then load this page again.

The command line needs no console:  npx tidegate get services
`;

/** Paths of the API of any version, of probes and scrapers, and of the console's own files. The rest names a view. */
const notViews = /^\/(v\d+|assets|livez|readyz|metrics|openapi\.json)(\/|$)/;

/**
 * The console's files, which hold nothing of the installation, so that nobody has to say who they are: a browser gets them before it can
 * sign in. What it shows it asks of the API.
 */
export async function addConsole(
  http: FastifyInstance,
  folder: string = builtFolder,
): Promise<void> {
  await http.register(fastifyStatic, {
    root: folder,
    serve: false,
    preCompressed: true,
    cacheControl: false,
    suppressWarning: true,
  });
  const route = { config: open, schema: { hide: true } };
  http.get('/', route, async (_request, reply) => {
    reply.headers(guardHeaders).header('cache-control', 'no-cache');
    if (existsSync(`${folder}/index.html`)) return reply.sendFile('index.html');
    return asText(reply.status(404));
  });
  // Their names have a hash of what is in them.
  http.get<{ Params: { '*': string } }>('/assets/*', route, async (request, reply) =>
    reply.headers(guardHeaders).sendFile(`assets/${request.params['*']}`, {
      cacheControl: true,
      immutable: true,
      maxAge: yearMs,
    }),
  );
}

/** For fastify's `rewriteUrl`: whatever view an address names, the console is one page. */
export function consoleUrl({ method, url = '/' }: IncomingMessage): string {
  if (method !== 'GET' && method !== 'HEAD') return url;
  const path = url.split(/[?#]/, 1)[0] ?? '/';
  return notViews.test(path) || !path.startsWith('/') ? url : '/';
}

function asText(reply: FastifyReply): FastifyReply {
  return reply
    .type('text/plain; charset=utf-8')
    .serializer((text: unknown) => String(text))
    .send(howToBuild);
}
