import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { openCedarAuthorizer } from '../../../adapters/cedar/cedar-authorizer.ts';
import { type AccessEntry, AccessJournal } from '../../../control/recording/access-journal.ts';
import { type SessionEntry, SessionRegister } from '../../../control/recording/session-register.ts';
import { TokenRegister } from '../../../control/recording/token-register.ts';
import { timeText } from '../views/time-text.ts';
import type { EventFeed } from '../event-feed.ts';
import type { ServerOptions } from '../server-options.ts';
import type { World } from '../server-world.ts';
import { AccessDesk } from './access-desk.ts';
import { ownerToken as readOwnerToken, writePrivately } from './private-files.ts';
import { keepSessionUses, readSessionUses } from './session-uses.ts';
import { SignInDesk } from './sign-in-desk.ts';

/**
 * Policies of one's own are read and checked now, so that a mistake in them ends the start; the shipped ones, which a test holds to
 * their schema, when the first person who is not the owner asks.
 */
export async function openAccess(
  { stateFolder, policies, log }: Pick<ServerOptions, 'stateFolder' | 'policies' | 'log'>,
  world: Pick<World, 'recorder' | 'clock' | 'feed'>,
  resources: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<AccessDesk> {
  const { recorder, clock, feed } = world;
  const folder = await policiesFolder(stateFolder, policies);
  const checked = folder === null ? null : await openCedarAuthorizer(folder);
  const tokens = await TokenRegister.open({ recorder, clock }, signal);
  const journal = resources.use(
    new AccessJournal({
      recorder,
      clock,
      onEntry: (entry) => publish(feed, entry),
      onTrouble: (message) => log('error', message),
    }),
  );
  const ownerToken = await readOwnerToken(stateFolder);
  const seenAtMs = await readSessionUses(stateFolder);
  const sessions = await SessionRegister.open({ recorder, clock, tokens, seenAtMs }, signal);
  const onTrouble = (message: string): void => log('error', message);
  const stop = new AbortController();
  const until = AbortSignal.any([signal, stop.signal]);
  const keeping = keepSessionUses({ stateFolder, sessions, clock, onTrouble }, until);
  resources.defer(() => {
    stop.abort(new Error('the server is closed'));
    return keeping;
  });
  const onEntry = (entry: SessionEntry): void => publish(feed, { ...entry, service: null });
  const signIn = new SignInDesk({ ownerToken, tokens, sessions, journal, clock, onEntry });
  return new AccessDesk({
    ownerToken,
    tokens,
    sessions,
    signIn,
    journal,
    openAuthorizer: async () => checked ?? openCedarAuthorizer(null),
  });
}

/**
 * Remembered, as a start that forgot them would let do what they forbid. Null: none; `off` forgets them. Whether there are any is
 * known only here, so an unreadable file ends the start.
 */
async function policiesFolder(stateFolder: string, wish: string | null): Promise<string | null> {
  const path = join(stateFolder, 'policies.json');
  if (wish !== null) {
    const folder = wish === 'off' ? null : wish;
    await writePrivately(path, `${JSON.stringify({ folder })}\n`);
    return folder;
  }
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  const { folder }: { readonly folder?: unknown } = JSON.parse(text);
  if (folder === null || typeof folder === 'string') return folder;
  throw new Error(`cannot read ${path}: say which policies with --policies FOLDER, or off`);
}

function publish(feed: EventFeed, { index, atMs, service, who, decision, sentence }: AccessEntry) {
  feed.publish({
    index,
    at: timeText(atMs),
    type: 'operator-action',
    service,
    rolloutId: null,
    decision,
    weightPercent: null,
    by: who === null ? null : { who, why: null },
    severity: decision.startsWith('refuse') ? 'warning' : 'info',
    sentence,
  });
}
