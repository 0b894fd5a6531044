import { useEffect } from 'react';

/** The browser's tab: what is shown first, as tabs are cut at their end. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Tidegate`;
  }, [title]);
}
