import { openCedarAuthorizer } from '../../../adapters/cedar/cedar-authorizer.ts';
import { OpenidProvider } from '../../../adapters/openid-connect/openid-provider.ts';
import { type AccessEntry, AccessJournal } from '../../../control/recording/access-journal.ts';
import { type SessionEntry, SessionRegister } from '../../../control/recording/session-register.ts';
import { TokenRegister } from '../../../control/recording/token-register.ts';
import { timeText } from '../views/time-text.ts';
import type { EventFeed } from '../event-feed.ts';
import type { ServerOptions } from '../server-options.ts';
import type { ServerParts } from '../server-parts.ts';
import type { World } from '../server-world.ts';
import { AccessDesk } from './access-desk.ts';
import { OidcDesk } from './oidc-desk.ts';
import { readOidcSettings } from './oidc-settings.ts';
import { ownerToken as readOwnerToken } from './private-files.ts';
import { readRemembered } from './remembered-path.ts';
import { keepSessionUses, readSessionUses } from './session-uses.ts';
import { SignInDesk } from './sign-in-desk.ts';
import { Site } from './site.ts';

/**
 * Policies of one's own are read and checked now, so that a mistake in them ends the start; the shipped ones, which a test holds to
 * their schema, when the first person who is not the owner asks.
 */
export async function openAccess(
  options: Pick<
    ServerOptions,
    'stateFolder' | 'policies' | 'oidc' | 'publicUrl' | 'listen' | 'log'
  >,
  world: Pick<World, 'recorder' | 'clock' | 'feed'>,
  resources: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Pick<ServerParts, 'access' | 'site' | 'oidc'>> {
  const { stateFolder, log } = options;
  const { recorder, clock, feed } = world;
  const wish = { name: 'policies', wish: options.policies } as const;
  const checked = await readRemembered(stateFolder, wish, openCedarAuthorizer);
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
  const access = new AccessDesk({
    ownerToken,
    tokens,
    sessions,
    signIn,
    journal,
    openAuthorizer: async () => checked ?? openCedarAuthorizer(null),
  });
  const site = new Site({ listenHost: options.listen.host, publicUrl: options.publicUrl });
  return { access, site, oidc: await openOidc(options, { signIn, clock }) };
}

/** The file is read and checked now; the provider is asked when the first person goes there, as it may be away at the start. */
async function openOidc(
  { stateFolder, oidc }: Pick<ServerOptions, 'stateFolder' | 'oidc'>,
  parts: { readonly signIn: SignInDesk; readonly clock: World['clock'] },
): Promise<OidcDesk | null> {
  const wish = { name: 'oidc', wish: oidc } as const;
  const settings = await readRemembered(stateFolder, wish, readOidcSettings);
  if (settings === null) return null;
  const claims = [settings.nameClaim, settings.groupsClaim];
  const provider = new OpenidProvider({ ...settings, claims }, () => parts.clock.nowMs());
  return new OidcDesk({ provider, settings, ...parts });
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
