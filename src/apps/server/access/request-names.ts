import type { FastifyRequest } from 'fastify';

/** A path parameter that the route's schema wants. */
export function paramOf(request: FastifyRequest, name: string): string {
  return textOf(request.params, name) ?? '';
}

/** Null: the query does not have it. */
export function queryOf(request: FastifyRequest, name: string): string | null {
  return textOf(request.query, name);
}

function textOf(value: unknown, name: string): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const found = Object.entries(value).find(([key]) => key === name)?.[1] as unknown;
  return typeof found === 'string' ? found : null;
}
