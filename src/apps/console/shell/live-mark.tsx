import { type ReactNode } from 'react';
import { ageText } from '../parts/age-text.ts';
import { linkState } from '../store/live.ts';
import { useTimedText } from '../store/ticker.ts';
import { useSignal } from '../store/use-resource.ts';

/** Whether what is shown is what is. The change is told to a screen reader, the seconds are not. */
export function LiveMark(): ReactNode {
  const state = useSignal(linkState);
  switch (state.kind) {
    case 'connecting':
      return <Mark kind="connecting">connecting</Mark>;
    case 'live':
      return <Mark kind="live">live</Mark>;
    case 'stale':
      return (
        <Mark kind="stale">
          stale
          <Since sinceMs={state.sinceMs} />
        </Mark>
      );
  }
}

function Mark({ kind, children }: { readonly kind: string; readonly children: ReactNode }) {
  return (
    <span className="live-mark" data-kind={kind} role="status">
      {children}
    </span>
  );
}

function Since({ sinceMs }: { readonly sinceMs: number }): ReactNode {
  const text = useTimedText((nowMs) => ageText(nowMs - sinceMs));
  return <span aria-hidden="true"> since {text}</span>;
}
