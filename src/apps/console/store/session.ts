import type { SessionView } from '../../../api/session-wire.ts';
import { sendJson } from '../client/request.ts';
import { resources } from './live.ts';
import type { Resource } from './resource-store.ts';
import { useResource } from './use-resource.ts';

const path = '/v1/session';
const hourMs = 3_600_000;

/** Who is signed in, and what they may. `service`: also on this one. */
export function useSession(service?: string, isAsked = true): Resource<SessionView> {
  const query = service === undefined ? '' : `?services=${encodeURIComponent(service)}`;
  return useResource<SessionView>(isAsked ? `${path}${query}` : null, {
    changes: () => false,
    goodForMs: () => hourMs,
  });
}

/** A write as whoever is signed in. Its entry names them, whatever `who` says. */
export async function write(
  method: 'POST' | 'DELETE',
  to: string,
  body: Readonly<Record<string, unknown>> | null,
): Promise<unknown> {
  const session = (await resources.get(path)) as SessionView;
  return sendJson(
    method,
    to,
    body === null ? null : { who: session.name, ...body },
    session.csrfToken,
  );
}
