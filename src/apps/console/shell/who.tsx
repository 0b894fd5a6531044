import { type ReactNode, useEffect } from 'react';
import { useLocation, useSearch } from 'wouter';
import { isSignedOut, startAsNobody } from '../store/live.ts';
import { useSession, write } from '../store/session.ts';
import { useSignal } from '../store/use-resource.ts';

/** Who is signed in; and whoever is not is led to where one signs in, and back again. */
export function Who(): ReactNode {
  const [location, navigate] = useLocation();
  const search = useSearch();
  const isOut = useSignal(isSignedOut);
  const isAtLogin = location === '/login';
  const session = useSession(undefined, !isAtLogin);
  useEffect(() => {
    if (!isOut || isAtLogin) return;
    const here = search === '' ? location : `${location}?${search}`;
    navigate(`/login?to=${encodeURIComponent(here)}`, { replace: true });
  }, [isOut, isAtLogin, location, search, navigate]);
  if (isOut || session.value === null) return null;
  const { name, roles, by } = session.value;
  return (
    <span className="who">
      <span title={roles.join(', ')}>{name}</span>
      {by === 'session' && (
        <button
          type="button"
          className="quiet"
          onClick={() => {
            // Where the server is gone there is nothing to be signed out of but what is kept here.
            write('DELETE', '/v1/session', null).then(startAsNobody, startAsNobody);
          }}
        >
          Sign out
        </button>
      )}
    </span>
  );
}
