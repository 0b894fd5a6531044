import { ApiError, problemOf } from './api-error.ts';
import type { DeleteRoutes, GetRoutes, PostRoutes } from './generated/routes.ts';
import { fetchTransport, type Transport, type TransportAnswer } from './transport.ts';

/** An answer bigger than this is not one of our server's. */
const answerBytesMax = 64 * 1024 * 1024;
/** One line of a stream: an event, or a line a service logged. */
const lineCharactersMax = 4 * 1024 * 1024;
const answerTimeoutMs = 30_000;

export interface ApiClientOptions {
  /** Origin of the server, without a slash at the end; empty in a browser: where the page came from. */
  readonly url: string;
  /** Sent as a bearer token (RFC 6750); absent: a cookie says who asks. */
  readonly token?: string;
  /** Of the session, sent with each write; null: there is no session. */
  readonly csrfToken?: () => string | null;
  readonly transport?: Transport;
  /** What is thrown instead of an ApiError; absent: the ApiError. */
  readonly explain?: (error: ApiError) => Error;
}

interface Route {
  readonly path: object | undefined;
  readonly query: object | undefined;
  readonly body: unknown;
  readonly answer: unknown;
}

/** What a call wants of the caller: what its route has, and how it ends. */
export type RequestOf<R extends Route> = (R['path'] extends undefined
  ? unknown
  : { readonly path: R['path'] }) &
  (R['query'] extends undefined ? unknown : QueryOf<NonNullable<R['query']>>) &
  (R['body'] extends undefined ? unknown : { readonly body: R['body'] }) & {
    /** Ends the call; it throws the signal's reason then. */
    readonly signal: AbortSignal;
    /** Until the whole answer is there, or of a stream its head; 30 s if nothing is said. */
    readonly timeoutMs?: number;
  };

/** A write has a key of its own, so that it may be sent again where nobody knows whether it was done. */
type WriteOf<R extends Route> = RequestOf<R> & {
  /** 1 to 200 printable ASCII characters; absent: a random one. */
  readonly idempotencyKey?: string;
};

/** Before a write whose connection broke is sent again. */
const retryAfterMs = [250, 1_000];

type QueryOf<Q extends object> =
  Partial<Q> extends Q ? { readonly query?: Q } : { readonly query: Q };

interface Request {
  readonly path?: object;
  readonly query?: object;
  readonly body?: unknown;
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
  readonly idempotencyKey?: string;
}

/**
 * Calls of the API as its OpenAPI document has them, typed by `generated`. What the answers hold is believed: the server checks its
 * answers against the same shapes. Throws ApiError.
 */
export class ApiClient {
  readonly #options: ApiClientOptions;
  readonly #transport: Transport;

  constructor(options: ApiClientOptions) {
    this.#options = options;
    this.#transport = options.transport ?? fetchTransport;
  }

  async get<P extends keyof GetRoutes>(
    path: P,
    request: RequestOf<GetRoutes[P]>,
  ): Promise<GetRoutes[P]['answer']> {
    return (await this.#json('GET', path, request)) as GetRoutes[P]['answer'];
  }

  async post<P extends keyof PostRoutes>(
    path: P,
    request: WriteOf<PostRoutes[P]>,
  ): Promise<PostRoutes[P]['answer']> {
    return (await this.#write('POST', path, request)) as PostRoutes[P]['answer'];
  }

  async #write(method: string, path: string, request: Request): Promise<unknown> {
    const keyed = { idempotencyKey: randomKey(), ...request };
    for (const waitMs of retryAfterMs) {
      try {
        return await this.#tried(method, path, keyed);
      } catch (error) {
        if (request.signal.aborted || !mayBeDone(error)) throw this.#said(error);
        await wait(waitMs, request.signal);
      }
    }
    return await this.#json(method, path, keyed);
  }

  async delete<P extends keyof DeleteRoutes>(
    path: P,
    request: RequestOf<DeleteRoutes[P]>,
  ): Promise<DeleteRoutes[P]['answer']> {
    return (await this.#json('DELETE', path, request)) as DeleteRoutes[P]['answer'];
  }

  /** Lines as they come, until the server ends the answer or `signal` aborts. */
  async *lines<P extends keyof GetRoutes>(
    path: P,
    request: RequestOf<GetRoutes[P]>,
  ): AsyncGenerator<string> {
    let rest = '';
    for await (const text of this.texts(path, request)) {
      const parts = (rest + text).split('\n');
      rest = parts.pop() ?? '';
      if (rest.length > lineCharactersMax) throw tooLong(path);
      yield* parts;
    }
    if (rest !== '') yield rest;
  }

  /** An answer in pieces, as they come. */
  async *texts<P extends keyof GetRoutes>(
    path: P,
    request: RequestOf<GetRoutes[P]>,
  ): AsyncGenerator<string> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), request.timeoutMs ?? answerTimeoutMs);
    const signal = AbortSignal.any([request.signal, late.signal]);
    try {
      const answer = await this.#send('GET', path, { ...request, signal });
      clearTimeout(timer);
      const decoder = new TextDecoder();
      for await (const chunk of answer.chunks) yield decoder.decode(chunk, { stream: true });
    } catch (error) {
      if (request.signal.aborted) throw request.signal.reason;
      throw this.#said(this.#apiError(error, late.signal));
    } finally {
      clearTimeout(timer);
    }
  }

  async #json(method: string, path: string, request: Request): Promise<unknown> {
    try {
      return await this.#tried(method, path, request);
    } catch (error) {
      throw this.#said(error);
    }
  }

  /** Throws ApiError, or the reason of the request's signal. */
  async #tried(method: string, path: string, request: Request): Promise<unknown> {
    const late = AbortSignal.timeout(request.timeoutMs ?? answerTimeoutMs);
    const signal = AbortSignal.any([request.signal, late]);
    try {
      const answer = await this.#send(method, path, { ...request, signal });
      return parsed(await textOf(answer, path), `${method} ${path}`);
    } catch (error) {
      throw request.signal.aborted ? request.signal.reason : this.#apiError(error, late);
    }
  }

  async #send(method: string, path: string, request: Request): Promise<TransportAnswer> {
    const { token, url } = this.#options;
    const body = request.body === undefined ? null : JSON.stringify(request.body);
    const csrfToken = method === 'GET' ? null : (this.#options.csrfToken?.() ?? null);
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(csrfToken !== null && { 'x-csrf-token': csrfToken }),
      ...(body !== null && { 'content-type': 'application/json' }),
      ...(request.idempotencyKey !== undefined && {
        'idempotency-key': `"${request.idempotencyKey}"`,
      }),
    };
    const call = { method, url: `${url}${placeOf(path, request)}`, headers, body };
    const answer = await this.#transport(call, request.signal);
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw refusal(answer, await textOf(answer, path));
  }

  #said(error: unknown): unknown {
    return error instanceof ApiError ? (this.#options.explain?.(error) ?? error) : error;
  }

  #apiError(error: unknown, late: AbortSignal): ApiError {
    if (late.aborted) return new ApiError('no answer in time', { code: 'timeout', cause: error });
    if (error instanceof ApiError) return error;
    const message = `the server does not answer at ${this.#options.url}`;
    return new ApiError(message, { code: 'unreachable', cause: error });
  }
}

/** The connection broke, or another try of the same key is under way: the answer comes with the next try. */
function mayBeDone(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  if (error.isUnderWay) return true;
  if (error.code !== 'unreachable') return false;
  // Nobody was there to begin it; to wait for a server is the caller's to decide.
  return !codesOf(error).includes('ECONNREFUSED');
}

function codesOf(error: unknown): readonly unknown[] {
  if (!(error instanceof Error)) return [];
  return ['code' in error ? error.code : null, ...codesOf(error.cause)];
}

/** 128 bits as 32 hex digits; `randomUUID` is missing on pages of plain HTTP. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function wait(forMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', end);
      resolve();
    }, forMs);
    signal.addEventListener('abort', end, { once: true });
  });
}

function placeOf(path: string, request: Request): string {
  const values = new Map<string, unknown>(Object.entries(request.path ?? {}));
  const place = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    return encodeURIComponent(String(values.get(name)));
  });
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size === 0 ? place : `${place}?${query.toString()}`;
}

function refusal({ status, header }: TransportAnswer, text: string): ApiError {
  const isUnderWay = status === 409 && header('retry-after') !== null;
  const problem = problemOf(text);
  const message =
    problem === null
      ? `the server answered ${status} without saying why`
      : problem.detail || problem.title;
  return new ApiError(message, { code: 'refused', status, problem, isUnderWay });
}

function parsed(text: string, call: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch (cause) {
    throw new ApiError(`the answer to ${call} is no JSON`, { code: 'unexpected-answer', cause });
  }
  throw new ApiError(`the answer to ${call} is no object`, { code: 'unexpected-answer' });
}

async function textOf(answer: TransportAnswer, path: string): Promise<string> {
  const decoder = new TextDecoder();
  let [text, sizeBytes] = ['', 0];
  for await (const chunk of answer.chunks) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > answerBytesMax) throw tooLong(path);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function tooLong(path: string): ApiError {
  const message = `the answer to ${path} is longer than any of ours`;
  return new ApiError(message, { code: 'unexpected-answer' });
}
