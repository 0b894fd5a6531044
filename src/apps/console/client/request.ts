import type { ProblemDetails } from '../../../api/wire.ts';

/** Why the server did not answer what was asked; `status` 0: nobody answered. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: number;

  constructor(status: number, detail: string, cause?: unknown) {
    super(detail, { cause });
    this.status = status;
  }
}

const timeoutMs = 30_000;

/** `path` with its query, as `/v1/rollouts?limit=100`. Rejects with a RequestError. */
export async function getJson(path: string, signal?: AbortSignal): Promise<unknown> {
  const answer = await send(path, { method: 'GET', ...(signal !== undefined && { signal }) });
  return answer.json();
}

/** `csrfToken` is that of the session: a cookie alone changes nothing. */
export async function sendJson(
  method: 'POST' | 'DELETE' | 'PUT',
  path: string,
  body: unknown,
  csrfToken: string | null,
): Promise<unknown> {
  const answer = await send(path, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(csrfToken !== null && { 'x-csrf-token': csrfToken }),
    },
    body: JSON.stringify(body),
  });
  return answer.status === 204 ? null : answer.json();
}

/** A good answer, unread: for lines that come without end. */
export async function send(path: string, how: RequestInit): Promise<Response> {
  const bound = AbortSignal.timeout(timeoutMs);
  const signal = how.signal ? AbortSignal.any([how.signal, bound]) : bound;
  let answer: Response;
  try {
    answer = await fetch(path, { ...how, signal });
  } catch (error) {
    if (how.signal?.aborted === true) throw error;
    const why = bound.aborted ? `no answer in ${timeoutMs / 1000} s` : 'the server does not answer';
    throw new RequestError(0, why, error);
  }
  if (answer.ok) return answer;
  throw new RequestError(answer.status, await detailOf(answer));
}

async function detailOf(answer: Response): Promise<string> {
  try {
    const problem = (await answer.json()) as Partial<ProblemDetails>;
    return problem.detail ?? problem.title ?? answer.statusText;
  } catch {
    // Not a problem document: somebody between us and the server answered.
    return `answered ${answer.status} ${answer.statusText}`;
  }
}
