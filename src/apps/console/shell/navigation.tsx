import { type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { type View, views } from '../views.ts';
import { useShortcut } from './shortcuts.ts';

export function Navigation(): ReactNode {
  return (
    <nav aria-label="Views" className="navigation">
      <Link href="/rollouts" className="brand" aria-label="Tidegate: all rollouts">
        Tidegate
      </Link>
      <ul>
        {views.map((view) => view.navigation !== null && <Entry key={view.path} view={view} />)}
      </ul>
    </nav>
  );
}

function Entry({ view: { path, navigation } }: { readonly view: View }): ReactNode {
  const [location, navigate] = useLocation();
  const label = navigation?.label ?? '';
  useShortcut(`g ${navigation?.key ?? ''}`, `Go to ${label}`, () => navigate(path));
  const isHere = location === path || location.startsWith(`${path}/`);
  return (
    <li>
      <Link href={path} aria-current={isHere ? 'page' : undefined}>
        {label}
      </Link>
    </li>
  );
}
