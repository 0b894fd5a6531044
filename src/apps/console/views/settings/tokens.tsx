import { type FormEvent, type ReactNode, useState } from 'react';
import type { TokenView } from '../../../../api/tokens-wire.ts';
import { Age } from '../../parts/age.tsx';
import { CommandLine } from '../../parts/command-line.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { ResourceNote } from '../../parts/resource-note.tsx';
import { resources } from '../../store/live.ts';
import { write } from '../../store/session.ts';
import { useResource } from '../../store/use-resource.ts';

const path = '/v1/tokens';
const dayMs = 86_400_000;
const roles = ['viewer', 'developer', 'approver', 'operator', 'admin', 'auditor'];

/** Who may use the API from elsewhere. */
export function Tokens({ mayWrite }: { readonly mayWrite: boolean }): ReactNode {
  const list = useResource<{ readonly items: readonly TokenView[] }>(path);
  const [secret, setSecret] = useState<string | null>(null);
  const [revoked, setRevoked] = useState<TokenView | null>(null);
  const items = list.value?.items ?? [];
  return (
    <>
      <ResourceNote of={list} what="tokens" />
      {list.value !== null && items.length === 0 && <p className="note">There is no token.</p>}
      {items.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Person</th>
              <th scope="col">Role</th>
              <th scope="col">Services</th>
              <th scope="col">Made</th>
              <th scope="col">Ends</th>
              {mayWrite && <th scope="col">End it now</th>}
            </tr>
          </thead>
          <tbody>
            {items.map((token) => (
              <tr key={token.id}>
                <th scope="row">{token.person}</th>
                <td>{token.role}</td>
                <td>{token.services.join(', ')}</td>
                <td>
                  <Age at={token.createdAt} /> ago by {token.createdBy.who}
                </td>
                <td>{new Date(token.expiresAt).toLocaleDateString()}</td>
                {mayWrite && (
                  <td>
                    <button
                      type="button"
                      aria-label={`Revoke the token of ${token.person}`}
                      onClick={() => setRevoked(token)}
                    >
                      Revoke
                    </button>
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {mayWrite && <CreateForm made={setSecret} />}
      {secret !== null && (
        <Dialog title="The token, shown this once" close={() => setSecret(null)}>
          <p className="note">
            Keep it in a file that nobody else can read; the server has its digest alone.
          </p>
          <CommandLine command={secret} />
        </Dialog>
      )}
      {revoked !== null && <Revoke token={revoked} close={() => setRevoked(null)} />}
    </>
  );
}

function CreateForm({ made }: { readonly made: (secret: string) => void }): ReactNode {
  const [trouble, setTrouble] = useState('');
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    const said = new FormData(form);
    const text = (name: string): string => {
      const value = said.get(name);
      return typeof value === 'string' ? value.trim() : '';
    };
    const services = text('services')
      .split(/[\s,]+/)
      .filter((each) => each !== '');
    const lastsMs = Number(text('days')) * dayMs;
    const wish = { person: text('person'), role: text('role'), services, lastsMs };
    write('POST', path, { ...wish, why: text('why') === '' ? null : text('why') }).then(
      (answer) => {
        setTrouble('');
        form.reset();
        made((answer as { readonly secret: string }).secret);
        resources.refreshAll();
      },
      (error: unknown) => setTrouble(error instanceof Error ? error.message : String(error)),
    );
  };
  return (
    <form className="token-form" onSubmit={submit}>
      <h3>A new token</h3>
      <label>
        Person
        <input name="person" required maxLength={64} autoComplete="off" />
      </label>
      <label>
        Role
        <select name="role" defaultValue="viewer">
          {roles.map((role) => (
            <option key={role}>{role}</option>
          ))}
        </select>
      </label>
      <label>
        Services
        <input name="services" required defaultValue="default/*" />
      </label>
      <label>
        Days
        <input name="days" type="number" min={1} max={366} defaultValue={30} required />
      </label>
      <label>
        Reason
        <input name="why" maxLength={2000} />
      </label>
      <button type="submit">Make it</button>
      {trouble !== '' && (
        <p className="note" role="alert" data-tone="bad">
          {trouble}
        </p>
      )}
    </form>
  );
}

function Revoke(props: { readonly token: TokenView; readonly close: () => void }): ReactNode {
  const { token, close } = props;
  const [trouble, setTrouble] = useState('');
  const revoke = (): void => {
    write('POST', `${path}/${token.id}/revoke`, { why: null }).then(
      () => {
        resources.refreshAll();
        close();
      },
      (error: unknown) => setTrouble(error instanceof Error ? error.message : String(error)),
    );
  };
  return (
    <Dialog title={`Revoke the token of ${token.person}`} close={close}>
      <p>
        Whatever is signed in with it, or follows a stream, ends at once: {token.role} for{' '}
        {token.services.join(', ')}. It cannot be undone; a new token can be made.
      </p>
      <p className="actions">
        <button type="button" className="primary" onClick={revoke}>
          Revoke
        </button>
        <button type="button" onClick={close}>
          Keep it
        </button>
      </p>
      {trouble !== '' && (
        <p className="note" role="alert" data-tone="bad">
          {trouble}
        </p>
      )}
    </Dialog>
  );
}
