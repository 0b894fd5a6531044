import { Signal } from '../store/signal.ts';

export type Theme = 'system' | 'light' | 'dark';

const key = 'tidegate.theme';
const order: readonly Theme[] = ['system', 'light', 'dark'];

export const theme = new Signal<Theme>('system');

/** As it was chosen last on this machine. */
export function applyTheme(): void {
  const chosen = order.find((each) => each === read());
  choose(chosen ?? 'system');
}

export function nextTheme(): void {
  const next = order[(order.indexOf(theme.get()) + 1) % order.length] ?? 'system';
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
