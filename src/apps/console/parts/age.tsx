import { type ReactNode } from 'react';
import { useTimedText } from '../store/ticker.ts';
import { calmAgeText } from './age-text.ts';

/** How long ago `at` (RFC 3339) was; the time itself on hovering. */
export function Age({ at }: { readonly at: string }): ReactNode {
  const atMs = Date.parse(at);
  const text = useTimedText((nowMs) => calmAgeText(nowMs - atMs));
  return (
    <time dateTime={at} title={new Date(atMs).toLocaleString()} className="age">
      {text}
    </time>
  );
}
