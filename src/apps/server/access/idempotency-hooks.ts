import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { HttpProblem } from '../http/http-problem.ts';
import { personOf } from './caller.ts';
import type { IdempotencyStore, KeptAnswer } from './idempotency-store.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Of a write that is done for the first time; null: it has no key, or its answer is one of before. */
    writeKey: string | null;
  }
}

export interface IdempotencyParts {
  readonly writes: IdempotencyStore;
  readonly clock: { nowMs(): number };
  readonly log: (level: 'info' | 'error', message: string) => void;
}

/**
 * `Idempotency-Key` on writes (draft-ietf-httpapi-idempotency-key-header): the same key of the same person is done once. After the
 * access hooks, so that who may no longer do it is not told what came of it either.
 */
export function addIdempotencyHooks(http: FastifyInstance, parts: IdempotencyParts): void {
  http.decorateRequest('writeKey', null);
  http.addHook('preHandler', (request, reply) => begin(request, reply, parts));
  http.addHook('onSend', async (request, reply, payload) => {
    await keep(request, reply, { payload, ...parts });
    return payload;
  });
}

async function begin(
  request: FastifyRequest,
  reply: FastifyReply,
  { writes, clock }: IdempotencyParts,
): Promise<void> {
  const header = request.headers['idempotency-key'];
  if (header === undefined || !isWrite(request)) return;
  const name = sha256(`${personOf(request.caller) ?? 'the owner'}\n${keyOf(header)}`);
  const asked = `${request.method} ${request.url}\n${JSON.stringify(request.body ?? null)}`;
  const begun = await begunOf(writes, name, sha256(asked), clock.nowMs());
  switch (begun.kind) {
    case 'first':
      request.writeKey = name;
      return;
    case 'answered':
      await again(reply, begun.answer);
      return;
    case 'differs':
      throw new HttpProblem(
        422,
        'this Idempotency-Key came with another request before; use a new one',
      );
    case 'under-way':
      reply.header('retry-after', '1');
      throw new HttpProblem(
        409,
        'the request of this Idempotency-Key is under way; ask again for its answer',
      );
    case 'not-known':
      throw notKnown();
  }
}

async function begunOf(writes: IdempotencyStore, name: string, asked: string, nowMs: number) {
  try {
    return await writes.begin(name, asked, nowMs);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new HttpProblem(503, `nothing was done: the Idempotency-Key cannot be kept: ${why}`);
  }
}

function notKnown(): HttpProblem {
  const remedy = 'look whether it was done ("tidegate events"), and use a new key if it was not';
  return new HttpProblem(
    409,
    `what came of the request of this Idempotency-Key is not known; ${remedy}`,
  );
}

async function again(reply: FastifyReply, { status, type, body }: KeptAnswer): Promise<void> {
  if (body === null) {
    const detail = `this was done and answered with ${status} before; its answer is not kept`;
    throw new HttpProblem(409, detail);
  }
  await reply
    .status(status)
    .header('content-type', type)
    .header('idempotency-replayed', 'true')
    .serializer((payload: unknown) => payload as string)
    .send(body);
}

/** Whose answers have a secret that is shown once, and so is on no disk. */
const secretUrl = /^\/v1\/(?:tokens|session|login|people)/;

/** What broke while it was done may have been done: 5xx is no answer to keep. */
async function keep(
  request: FastifyRequest,
  reply: FastifyReply,
  { writes, log, payload }: IdempotencyParts & { readonly payload: unknown },
): Promise<void> {
  const { writeKey } = request;
  if (writeKey === null) return;
  request.writeKey = null;
  const { statusCode } = reply;
  if (statusCode >= 500) return writes.unknown(writeKey);
  const type = String(reply.getHeader('content-type') ?? 'application/json');
  const body = typeof payload === 'string' ? payload : null;
  const isSecret = secretUrl.test(request.routeOptions.url ?? '');
  try {
    await writes.answered(writeKey, { status: statusCode, type, body }, { isSecret });
  } catch (error) {
    // It is done and is answered; only a retry after a restart would not be told.
    log('error', `cannot keep the answer to a write: ${String(error)}`);
  }
}

/** A stop is done twice without harm, and must not wait for a disk. */
function isWrite({ method, routeOptions }: FastifyRequest): boolean {
  const { access } = routeOptions.config;
  if (access?.kind !== 'asks' || access.entry === 'access') return false;
  return method !== 'GET' && method !== 'HEAD';
}

/** A string of RFC 8941, as the draft has it; bare as well, as many clients send it. */
function keyOf(header: string | readonly string[]): string {
  const text = String(header);
  const key = /^"([\x20\x21\x23-\x5b\x5d-\x7e]{1,200})"$/.exec(text)?.[1] ?? text;
  if (/^[\x20-\x7e]{1,200}$/.test(key)) return key;
  throw new HttpProblem(400, 'Idempotency-Key must be 1 to 200 printable ASCII characters');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
