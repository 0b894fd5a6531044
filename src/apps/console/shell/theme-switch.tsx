import { type ReactNode } from 'react';
import { useSignal } from '../store/use-resource.ts';
import { useShortcut } from './shortcuts.ts';
import { nextTheme, theme, type Theme } from './theme.ts';

const signs: Readonly<Record<Theme, string>> = { system: '◐', light: '○', dark: '●' };

export function ThemeSwitch(): ReactNode {
  const chosen = useSignal(theme);
  useShortcut('T', 'Light, dark or as the system', nextTheme);
  return (
    <button
      type="button"
      className="quiet"
      onClick={nextTheme}
      aria-label={`Theme: ${chosen}`}
      title={`Theme: ${chosen}`}
    >
      {signs[chosen]}
    </button>
  );
}
