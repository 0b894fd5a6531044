import type { Problem } from './generated/schemas.ts';

/**
 * `refused`: the server said no, `status` and `problem` have why. `unreachable`: nobody answered, or the answer broke off; a write
 * may have been done all the same. `timeout`: no whole answer in time. `unexpected-answer`: not one of our server's.
 */
export type ApiErrorCode = 'refused' | 'unreachable' | 'timeout' | 'unexpected-answer';

/** Why a call of the API has no good answer. A call that its own signal ended throws the signal's reason instead. */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  /** Null: there was no answer. */
  readonly status: number | null;
  /** Of RFC 9457; null: the answer had none. */
  readonly problem: Problem | null;

  /** The same write, by its idempotency key, is being done. */
  readonly isUnderWay: boolean;

  constructor(
    message: string,
    details: {
      readonly code: ApiErrorCode;
      readonly status?: number;
      readonly problem?: Problem | null;
      readonly isUnderWay?: boolean;
      readonly cause?: unknown;
    },
  ) {
    super(message, { cause: details.cause });
    this.name = 'ApiError';
    this.code = details.code;
    this.status = details.status ?? null;
    this.problem = details.problem ?? null;
    this.isUnderWay = details.isUnderWay ?? false;
  }

  /** Whether the same call, with its idempotency key if it is a write, may succeed a moment later. */
  get retryable(): boolean {
    return this.code === 'unreachable' || this.code === 'timeout' || this.status === 503;
  }
}

/** Null: not a problem document. */
export function problemOf(text: string): Problem | null {
  try {
    const value: unknown = JSON.parse(text);
    return isProblem(value) ? value : null;
  } catch {
    // Not JSON; the caller says so with the status.
    return null;
  }
}

function isProblem(value: unknown): value is Problem {
  if (typeof value !== 'object' || value === null) return false;
  const { title, detail, status } = value as Partial<Record<string, unknown>>;
  return typeof title === 'string' && typeof detail === 'string' && typeof status === 'number';
}
