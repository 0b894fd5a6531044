import type { IncomingMessage, ServerResponse } from 'node:http';
import { tagHeader } from '../../../domain/cache/tags.ts';
import type { Field } from '../../../domain/cache/http-fields.ts';
import { revisionHeader } from '../forwarded-headers.ts';
import { cachedPlace } from '../cache/cached-place.ts';
import type { Choice, LiveRoutes, RoutedRequest } from '../live-routes.ts';
import type { AccessNote } from '../identity/route-authorization.ts';
import { limitFields } from '../refusal.ts';
import { hasBody } from './request-body.ts';
import type { Errand, Served } from '../cache/errand.ts';
import {
  type CacheAnswer,
  type CacheAsk,
  CacheTurn,
  type RouteCache,
} from '../cache/route-cache.ts';
import { servedMessage } from '../cache/served-octets.ts';

/** A request of the compat engine, with where it goes. */
export interface AskedCompat {
  readonly choice: Choice;
  /** See LiveRoutes. */
  readonly audited: AccessNote | null;
  /** Null: the cache has no part in it. */
  readonly answer: Exclude<CacheAnswer, { kind: 'wait' }> | null;
}

interface CompatAsk {
  readonly request: IncomingMessage;
  /** The same, as routes see it. */
  readonly routed: RoutedRequest;
  readonly authority: string;
  readonly path: string;
}

/** Asks the cache until it has an answer; each wait is bounded. */
export async function askCompat(
  routes: LiveRoutes,
  cache: RouteCache,
  asked: CompatAsk,
  startedMs: number,
): Promise<AskedCompat> {
  const { routed, authority, path } = asked;
  const turn = new CacheTurn();
  let { table } = routes;
  let choice = routes.choose(authority, path, routed, startedMs);
  let { audited } = routes;
  for (;;) {
    const ask = askOf(asked, choice, cache);
    const answer = ask === null ? null : cache.ask(ask, turn);
    if (answer === null || answer.kind !== 'wait') return { choice, audited, answer };
    await answer.until;
    if (routes.table === table) continue;
    // What was chosen by another table may be gone.
    table = routes.table;
    choice = routes.choose(authority, path, routed, performance.now());
    ({ audited } = routes);
  }
}

/** Null: the cache has no part in it. */
function askOf(
  { request, authority, path }: CompatAsk,
  choice: Choice,
  cache: RouteCache,
): CacheAsk | null {
  const place = cachedPlace(choice);
  if (place === null) return null;
  const { counter, revisionId } = place;
  const header = (name: string): string | null => {
    const value = request.headers[name];
    return value === undefined ? null : typeof value === 'string' ? value : value.join(', ');
  };
  return {
    method: request.method ?? 'GET',
    // This engine serves no TLS.
    scheme: 'http',
    authority,
    path,
    hasBody: hasBody(request),
    header,
    keepHeaders: () => header,
    revisionId,
    isEvidence: cache.isSplit && !counter.isMatched && counter.setAside === null,
  };
}

/** In place of an instance's answer; how many octets its body has. */
export function giveStored(
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
  served: Served,
  choice: Choice,
): number {
  const { status, fields, body } = servedMessage(served, request.method === 'HEAD', null);
  const headers = fields.flat();
  if (choice.kind === 'target') {
    headers.push(revisionHeader, choice.target.revisionId);
    if (choice.standing !== null) headers.push(...limitFields(choice.standing).flat());
  } else headers.push(revisionHeader, cachedPlace(choice)?.revisionId ?? '');
  response.writeHead(status, headers);
  response.end(body);
  return body.byteLength;
}

const conditions = new Set(['if-none-match', 'if-modified-since', 'if-range', 'range']);

/** Names and values in turn: what the instance is asked with in place of the caller's own conditions. */
export function withValidators(headers: readonly string[], errand: Errand | null): string[] {
  if (errand === null || errand.validators === null) return [...headers];
  const { validators } = errand;
  const kept = fieldsOf(headers).filter(([name]) => !conditions.has(name.toLowerCase()));
  return [...kept, ...validators].flat();
}

/** Of an answer on its way to its caller. */
export function withoutTags(headers: readonly string[]): string[] {
  return fieldsOf(headers)
    .filter(([name]) => name.toLowerCase() !== tagHeader)
    .flat();
}

/** Names and values in turn, as pairs. */
export function fieldsOf(headers: readonly string[]): readonly Field[] {
  const fields: Field[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    fields.push([headers[index] ?? '', headers[index + 1] ?? '']);
  }
  return fields;
}
