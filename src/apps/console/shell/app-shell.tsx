import { type ReactNode, Suspense, useEffect, useRef, useState } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { views } from '../views.ts';
import { FaultBoundary } from './fault-boundary.tsx';
import { HelpOverlay } from './help-overlay.tsx';
import { LiveMark } from './live-mark.tsx';
import { Navigation } from './navigation.tsx';
import { startShortcuts, useShortcut } from './shortcuts.ts';
import { ThemeSwitch } from './theme-switch.tsx';
import { Who } from './who.tsx';

/** What stands around every view. */
export function AppShell(): ReactNode {
  const [isHelpOpen, setHelpOpen] = useState(false);
  const [location] = useLocation();
  useEffect(startShortcuts, []);
  useShortcut('?', 'These keys', () => setHelpOpen(true));
  return (
    <>
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      <header className="masthead">
        <Navigation />
        <LiveMark />
        <Who />
        <ThemeSwitch />
        <button
          type="button"
          className="quiet"
          aria-label="Keyboard shortcuts"
          onClick={() => setHelpOpen(true)}
        >
          ?
        </button>
      </header>
      <Main>
        <FaultBoundary key={location}>
          <Suspense fallback={<p className="note">Loading</p>}>
            <Views />
          </Suspense>
        </FaultBoundary>
      </Main>
      {isHelpOpen && <HelpOverlay close={() => setHelpOpen(false)} />}
    </>
  );
}

function Views(): ReactNode {
  return (
    <Switch>
      <Route path="/">
        <Redirect to="/rollouts" replace />
      </Route>
      {views.map(({ path, component }) => (
        <Route key={path} path={path} component={component} />
      ))}
      <Route>
        <div className="page">
          <h1>There is no such page</h1>
          <p className="note">
            The address may be of a newer console. <a href="/rollouts">All rollouts</a>
          </p>
        </div>
      </Route>
    </Switch>
  );
}

/** After going to another view, keyboard and screen reader are at its beginning. */
function Main({ children }: { readonly children: ReactNode }): ReactNode {
  const [location] = useLocation();
  const place = useRef<HTMLElement>(null);
  const shown = useRef(location);
  useEffect(() => {
    if (shown.current === location) return;
    shown.current = location;
    place.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [location]);
  return (
    <main id="main" ref={place} tabIndex={-1}>
      {children}
    </main>
  );
}
