import { setImmediate as othersTurn } from 'node:timers/promises';
import type { SessionView } from '../../../api/session-wire.ts';
import {
  type AccessAction,
  type AccessResource,
  serverActions,
  serviceActions,
} from '../../../domain/identity/access-action.ts';
import type { AccessDesk } from './access-desk.ts';
import type { Caller } from './caller.ts';
import { serviceResource } from './route-access.ts';

/** An answer of the policies that was not asked before costs up to a millisecond of the thread that also decides for users. */
export const servicesAskedMax = 20;

/** What the caller may, so that a console offers no more; the routes judge by themselves. `services`: by name. */
export async function allowedActions(
  access: Pick<AccessDesk, 'decider'>,
  caller: Caller,
  services: readonly string[],
): Promise<SessionView['allowed']> {
  const may = await asked(access, caller);
  const server = serverActions.filter((action) => may(action, { kind: 'server' }));
  const anyService = serviceActions.filter((action) => may(action, serviceResource(null)));
  const byName: [name: string, actions: string[]][] = [];
  for (const name of services) {
    // Between two services others have their turn.
    await othersTurn();
    byName.push([name, serviceActions.filter((action) => may(action, serviceResource(name)))]);
  }
  return { server, anyService, services: Object.fromEntries(byName) };
}

async function asked(
  access: Pick<AccessDesk, 'decider'>,
  caller: Caller,
): Promise<(action: AccessAction, resource: AccessResource) => boolean> {
  if (caller.kind !== 'person') return () => caller.kind === 'owner';
  const decide = await access.decider(caller);
  return (action, resource) => decide(action, resource).isAllowed;
}
