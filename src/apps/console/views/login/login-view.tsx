import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { RequestError, sendJson } from '../../client/request.ts';
import { useTitle } from '../../shell/use-title.ts';
import { startAsSomebodyElse } from '../../store/live.ts';

type Proof = { readonly code: string } | { readonly token: string };

/** Where a one-time link leads (`/login#CODE`), and where a token is typed in. Neither stays in the address or in the page. */
export default function LoginView(): ReactNode {
  useTitle('Sign in');
  const [, navigate] = useLocation();
  const goesTo = localPath(new URLSearchParams(useSearch()).get('to'));
  const [trouble, setTrouble] = useState<string | null>(null);
  const [isAsking, setAsking] = useState(false);
  const isTried = useRef(false);

  const signIn = (proof: Proof): void => {
    setAsking(true);
    sendJson('POST', '/v1/session', proof, null).then(
      () => {
        startAsSomebodyElse();
        navigate(goesTo, { replace: true });
      },
      (error: unknown) => {
        setAsking(false);
        setTrouble(error instanceof RequestError ? error.message : String(error));
      },
    );
  };

  useEffect(() => {
    const code = location.hash.slice(1);
    if (code === '' || isTried.current) return;
    isTried.current = true;
    history.replaceState(null, '', location.pathname + location.search);
    signIn({ code });
  });

  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const token = new FormData(event.currentTarget).get('token');
    if (typeof token === 'string' && token.trim() !== '') signIn({ token: token.trim() });
  };

  return (
    <div className="page narrow">
      <h1>Sign in</h1>
      <p className="note">
        On the machine of the server, <code>tidegate login-link</code> prints a link that signs in
        once. Elsewhere, use a token that was made for you by <code>tidegate token create</code>.
      </p>
      <form onSubmit={submit} className="sign-in">
        <label>
          Token
          <input name="token" type="password" autoComplete="off" spellCheck={false} required />
        </label>
        <button type="submit" className="primary" disabled={isAsking}>
          {isAsking ? 'Signing in' : 'Sign in'}
        </button>
      </form>
      {trouble !== null && (
        <p className="note" role="alert" data-tone="bad">
          {trouble}
        </p>
      )}
    </div>
  );
}

/** Only within this console, whatever the address says. */
function localPath(to: string | null): string {
  return to !== null && /^\/(?![/\\])/.test(to) ? to : '/rollouts';
}
