import { type ReactNode } from 'react';
import type { EventView } from '../../../api/wire.ts';
import { Age } from './age.tsx';

/** Newest first, each with who did it and why, where it was a person. */
export function EventList({ events }: { readonly events: readonly EventView[] }): ReactNode {
  if (events.length === 0) return <p className="soft">No event yet.</p>;
  return (
    // Scrolls, so it has to be reached by keyboard.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <ol className="events" tabIndex={0} aria-label="Events, newest first">
      {events.toReversed().map((event) => (
        <li key={event.index}>
          <span className="when">
            <Age at={event.at} />
          </span>
          <span>
            {event.severity === 'warning' && <strong data-tone="warn">Warning: </strong>}
            {event.sentence}
            {event.by !== null && (
              <span className="soft">
                {' '}
                by {event.by.who}
                {event.by.why === null ? '' : `: ${event.by.why}`}
              </span>
            )}
          </span>
        </li>
      ))}
    </ol>
  );
}
