import type { FastifyRequest } from 'fastify';

export interface SiteSettings {
  /** What the server listens on, as `127.0.0.1`. */
  readonly listenHost: string;
  /** Where people reach it when that is something else, as `https://tidegate.example`; null: where it listens. */
  readonly publicUrl: string | null;
}

/** What the server is called by those who reach it, and so which requests are meant for it, and from its own pages. */
export class Site {
  readonly #listenHost: string;
  readonly #public: URL | null;

  constructor({ listenHost, publicUrl }: SiteSettings) {
    this.#listenHost = listenHost;
    this.#public = publicUrl === null ? null : new URL(publicUrl);
  }

  /**
   * Whether the Host is one of ours. A page of somebody else's can make its own name mean 127.0.0.1 (DNS rebinding), and would then
   * be of one origin with the server; what it cannot do is send our name. Asked where the server listens on this machine alone: who
   * listens to the network is meant to be found by whichever name.
   */
  isMeant(host: string | undefined): boolean {
    if (!isLoopback(this.#listenHost)) return true;
    if (host === undefined) return false;
    if (host.toLowerCase() === this.#public?.host) return true;
    const name = /^(\[[0-9a-f:]+\]|[^:]+)(?::\d{1,5})?$/i.exec(host)?.[1]?.toLowerCase();
    return name !== undefined && (ownNames.has(name) || name === this.#listenHost.toLowerCase());
  }

  /** The origin (RFC 6454) that a page of ours has for who sent this request. */
  originOf(request: FastifyRequest): string {
    const host = request.headers.host?.toLowerCase() ?? '';
    if (this.#public !== null && host === this.#public.host) return this.#public.origin;
    return `${request.protocol}://${host}`;
  }

  isSecure(request: FastifyRequest): boolean {
    return this.originOf(request).startsWith('https:');
  }

  /** `listening`: the URL it listens on. */
  urlOf(path: string, listening: string): string {
    return new URL(path, this.#public ?? listening).href;
  }

  /**
   * Whether a page of ours sent this, by what the browser says and no page can change: Sec-Fetch-Site (Fetch Metadata), else Origin.
   * `unsaid`: neither is there, as no browser of today does.
   */
  senderOf(request: FastifyRequest): 'own' | 'foreign' | 'unsaid' {
    const { origin, 'sec-fetch-site': fetched } = request.headers;
    if (origin === undefined && fetched === undefined) return 'unsaid';
    if (origin !== undefined && origin !== this.originOf(request)) return 'foreign';
    return fetched === undefined || fetched === 'same-origin' ? 'own' : 'foreign';
  }
}

const ownNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
