import './settings.css';
import { type ReactNode } from 'react';
import type { SessionView } from '../../../../api/session-wire.ts';
import type { ServerStatus } from '../../../../api/wire.ts';
import { Age } from '../../parts/age.tsx';
import { CopyAs } from '../../parts/copy-as.tsx';
import { ResourceNote } from '../../parts/resource-note.tsx';
import { chooseTheme, theme, themes } from '../../shell/theme.ts';
import { useTitle } from '../../shell/use-title.ts';
import { useSession } from '../../store/session.ts';
import { useResource, useSignal } from '../../store/use-resource.ts';
import { Tokens } from './tokens.tsx';

export default function SettingsView(): ReactNode {
  useTitle('Settings');
  const session = useSession();
  const status = useResource<ServerStatus>('/v1/status');
  const allowed = session.value?.allowed.server ?? [];
  return (
    <div className="page">
      <header className="page-head">
        <h1>Settings</h1>
        <CopyAs cli="tidegate status" yaml={status.value} />
      </header>
      <section aria-labelledby="who">
        <h2 id="who">Who you are</h2>
        <ResourceNote of={session} what="session" />
        {session.value !== null && <Who session={session.value} />}
      </section>
      <section aria-labelledby="looks">
        <h2 id="looks">Looks</h2>
        <Themes />
      </section>
      <section aria-labelledby="tokens">
        <h2 id="tokens">Tokens</h2>
        {allowed.includes('tokens:read') ? (
          <Tokens mayWrite={allowed.includes('tokens:write')} />
        ) : (
          <p className="note">Your role does not see tokens; auditors and admins do.</p>
        )}
      </section>
      <section aria-labelledby="server">
        <h2 id="server">Server</h2>
        <ResourceNote of={status} what="status" />
        {status.value !== null && <Server status={status.value} />}
      </section>
    </div>
  );
}

function Who({ session }: { readonly session: SessionView }): ReactNode {
  const { name, roles, grants, by, expiresAt, allowed } = session;
  return (
    <dl className="facts">
      <dt>Name</dt>
      <dd>{name}</dd>
      <dt>Roles</dt>
      <dd>{roles.length === 0 ? 'none' : roles.join(', ')}</dd>
      <dt>For</dt>
      <dd>
        {grants.map(({ role, services }) => `${role}: ${services.join(', ')}`).join('; ') ||
          'everything'}
      </dd>
      <dt>Known by</dt>
      <dd>
        {by}
        {expiresAt !== null && `, until ${new Date(expiresAt).toLocaleString()}`}
      </dd>
      <dt>May</dt>
      <dd>{[...allowed.server, ...allowed.anyService].toSorted().join(', ')}</dd>
    </dl>
  );
}

function Themes(): ReactNode {
  const chosen = useSignal(theme);
  return (
    <fieldset className="themes">
      <legend>Light or dark</legend>
      {themes.map((each) => (
        <label key={each}>
          <input
            type="radio"
            name="theme"
            checked={each === chosen}
            onChange={() => chooseTheme(each)}
          />{' '}
          {each === 'system' ? 'as the system' : each}
        </label>
      ))}
    </fieldset>
  );
}

function Server({ status }: { readonly status: ServerStatus }): ReactNode {
  const { version, startedAt, stateFolder, rssBytes, gateway, ledger } = status;
  return (
    <dl className="facts">
      <dt>Version</dt>
      <dd>{version}</dd>
      <dt>Running for</dt>
      <dd>
        <Age at={startedAt} />
      </dd>
      <dt>State folder</dt>
      <dd>
        <code>{stateFolder}</code>
      </dd>
      <dt>Memory</dt>
      <dd>{Math.round(rssBytes / 1024 / 1024)} MiB</dd>
      <dt>Gateway</dt>
      <dd>
        {gateway.url} {gateway.isReachable ? '' : '(NOT reachable) '}
        {gateway.restarts > 0 && `started again ${gateway.restarts} times`}
      </dd>
      <dt>Ledger</dt>
      <dd>
        {ledger.entries.toLocaleString('en')} entries, witnesses: {ledger.witnessMode}
        {ledger.trouble !== null && `; ${ledger.trouble}`}
      </dd>
      <dt>This console</dt>
      <dd>
        <a href="/assets/third-party-licenses.txt">Licences of what it is built of</a>
      </dd>
    </dl>
  );
}
