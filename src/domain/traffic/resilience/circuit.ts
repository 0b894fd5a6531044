import type { CircuitBreaker } from './traffic-policy.ts';

/** What one revision has under way, and how much it may have. Kept over tables and changed in place. */
export interface Circuit {
  limits: CircuitBreaker;
  requests: number;
  retries: number;
  pending: number;
  connections: number;
  /** Requests that were refused for a limit, ever. */
  refused: number;
}

export const noLimits: CircuitBreaker = {
  maxConnections: null,
  maxPendingRequests: null,
  maxRequests: null,
  maxRetries: null,
};

export function newCircuit(): Circuit {
  return { limits: noLimits, requests: 0, retries: 0, pending: 0, connections: 0, refused: 0 };
}

/** For one of several processes: callers' connections, and so their requests, are dealt out to them by the kernel. */
export function shareOf(limits: CircuitBreaker, processShare: number): CircuitBreaker {
  const part = (limit: number | null): number | null =>
    limit === null ? null : Math.ceil(limit * processShare);
  return {
    maxConnections: part(limits.maxConnections),
    maxPendingRequests: part(limits.maxPendingRequests),
    maxRequests: part(limits.maxRequests),
    maxRetries: part(limits.maxRetries),
  };
}

/** Whether one more request may be under way. */
export function takesRequest({ limits, requests }: Circuit): boolean {
  return limits.maxRequests === null || requests < limits.maxRequests;
}

export function takesRetry({ limits, retries }: Circuit): boolean {
  return limits.maxRetries === null || retries < limits.maxRetries;
}

export function takesPending({ limits, pending }: Circuit): boolean {
  return limits.maxPendingRequests === null || pending < limits.maxPendingRequests;
}

export function takesConnection({ limits, connections }: Circuit): boolean {
  return limits.maxConnections === null || connections < limits.maxConnections;
}
