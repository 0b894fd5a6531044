import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closed, listening } from './listening.ts';
import { createServer } from './node-http.ts';
import { mergeMetrics } from './metrics/merge-metrics.ts';
import type { ProcessMetrics } from './metrics/metric-family.ts';
import { contentTypes, renderMetrics } from './metrics/render-metrics.ts';
import { wantedFormat } from './metrics/wanted-format.ts';

export interface AdminServerOptions {
  /**
   * Of each process that moves bytes. Asked at each scrape; a process that does not answer is left out by whoever gives
   * this, since a scrape must not wait for it.
   */
  readonly metrics: () => Promise<readonly ProcessMetrics[]>;
  /** Null: ready; else why not, in a sentence. */
  readonly notReady: () => string | null;
}

/** Scrapers, and people who look. */
const connectionsMax = 64;
const requestTimeoutMs = 10_000;

/** The gateway's listener for operators: /metrics, /livez and /readyz. It shares nothing with the listener for callers. */
export class AdminServer implements AsyncDisposable {
  readonly #options: AdminServerOptions;
  readonly #server: Server;

  constructor(options: AdminServerOptions) {
    this.#options = options;
    this.#server = createServer(
      { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs },
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
      const page = await this.#page(request);
      response.writeHead(page.status, {
        'content-type': page.contentType,
        'content-length': Buffer.byteLength(page.body),
        'cache-control': 'no-store',
        ...page.headers,
      });
      response.end(page.body);
    } catch (error) {
      // A defect of a look must not end the traffic.
      response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(`${error instanceof Error ? error.message : String(error)}\n`);
    }
  }

  async #page({ url = '/', method, headers }: IncomingMessage): Promise<Page> {
    const path = url.replace(/\?.*$/, '');
    if (method !== 'GET' && method !== 'HEAD') {
      const page = problem(405, 'only GET and HEAD are served here');
      return { ...page, headers: { allow: 'GET, HEAD' } };
    }
    switch (path) {
      case '/metrics': {
        const format = wantedFormat(headers.accept);
        const families = mergeMetrics(await this.#options.metrics());
        return {
          status: 200,
          contentType: contentTypes[format],
          body: renderMetrics(families, format),
          headers: { vary: 'accept' },
        };
      }
      case '/livez':
        return text('ok');
      case '/readyz': {
        const why = this.#options.notReady();
        return why === null ? text('ok') : problem(503, why);
      }
      default:
        return problem(404, 'here are /metrics, /livez and /readyz');
    }
  }
}

interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function text(body: string): Page {
  return { status: 200, contentType: 'text/plain; charset=utf-8', body: `${body}\n` };
}

function problem(status: number, detail: string): Page {
  const body = `${JSON.stringify({ type: 'about:blank', status, detail })}\n`;
  return { status, contentType: 'application/problem+json', body };
}
