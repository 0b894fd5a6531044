import { Signal } from '../store/signal.ts';

export type Theme = 'system' | 'light' | 'dark';

const key = 'tidegate.theme';
export const themes: readonly Theme[] = ['system', 'light', 'dark'];

export const theme = new Signal<Theme>('system');

/** As it was chosen last on this machine. */
export function applyTheme(): void {
  const chosen = themes.find((each) => each === read());
  choose(chosen ?? 'system');
}

export function nextTheme(): void {
  chooseTheme(themes[(themes.indexOf(theme.get()) + 1) % themes.length] ?? 'system');
}

export function chooseTheme(next: Theme): void {
  try {
    localStorage.setItem(key, next);
  } catch {
    // Without storage the choice holds until the page is left.
  }
  choose(next);
}

/** What colours are drawn from in a canvas has to look again when this changes. */
function choose(next: Theme): void {
  document.documentElement.dataset['theme'] = next;
  theme.set(next);
}

function read(): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
