import type { EventView, ServerStatus } from '../../../api/wire.ts';
import { getJson, RequestError } from '../client/request.ts';
import { EventLink, type LinkState } from './event-link.ts';
import { forgetKept, readKept, writeKept } from './kept-state.ts';
import { ResourceStore } from './resource-store.ts';
import { Signal } from './signal.ts';

/** The console's one store, its stream, and what holds for the whole page. */

const recentMax = 500;
const keepAfterMs = 2_000;

export const linkState = new Signal<LinkState>({ kind: 'connecting' });
/** Of the stream since the page was opened, oldest first. */
export const recentEvents = new Signal<readonly EventView[]>([]);
/** True: the server does not know who asks. */
export const isSignedOut = new Signal<boolean>(false);

export const resources = new ResourceStore({
  get: getJson,
  nowMs: Date.now,
  isHidden: () => document.hidden,
  kept: readKept(localStorage),
  onProblem: noteProblem,
});

const followers = new Set<(event: EventView) => void>();

const link = new EventLink({
  headIndex: async () => {
    try {
      const status = (await getJson('/v1/status')) as ServerStatus;
      return status.ledger.entries;
    } catch (error) {
      // Who may see only some services is not told how long the ledger is, and gets the events of those from the beginning.
      if (error instanceof RequestError && error.status === 403) return 0;
      if (error instanceof RequestError) noteProblem(error);
      throw error;
    }
  },
  onEvent: (event) => {
    recentEvents.set([...recentEvents.get(), event].slice(-recentMax));
    resources.tell(event);
    for (const follower of followers) follower(event);
  },
  onState: (state) => {
    const wasStale = linkState.get().kind === 'stale';
    linkState.set(state);
    if (state.kind !== 'live') return;
    isSignedOut.set(false);
    if (wasStale) resources.refreshAll();
  },
  nowMs: Date.now,
});

/** Each event of the stream from now on; returns the end. */
export function followEvents(follower: (event: EventView) => void): () => void {
  followers.add(follower);
  return () => followers.delete(follower);
}

export function startLive(): void {
  // Who is about to sign in would only be refused.
  if (location.pathname !== '/login') link.open();
  let isDue = false;
  const keep = (): void => {
    isDue = false;
    if (!isSignedOut.get()) writeKept(localStorage, resources.values());
  };
  recentEvents.watch(() => {
    if (isDue) return;
    isDue = true;
    setTimeout(keep, keepAfterMs);
  });
  addEventListener('pagehide', keep);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) keep();
  });
}

/** After signing in: everything is asked for as the new person, and nothing of the one before is kept. */
export function startAsSomebodyElse(): void {
  forgetKept(localStorage);
  resources.clear();
  isSignedOut.set(false);
  link.open();
}

/** Nothing is asked any more, and nothing of the person is left at this machine. */
export function startAsNobody(): void {
  link.close();
  forgetKept(localStorage);
  resources.clear();
  isSignedOut.set(true);
}

function noteProblem(problem: RequestError): void {
  if (problem.status === 401) isSignedOut.set(true);
}
