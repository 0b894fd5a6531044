import { type ReactNode } from 'react';
import { Dialog } from '../parts/dialog.tsx';
import { useSignal } from '../store/use-resource.ts';
import { shortcuts } from './shortcuts.ts';

/** What can be pressed here and now. */
export function HelpOverlay({ close }: { readonly close: () => void }): ReactNode {
  const all = useSignal(shortcuts);
  const rows = [...new Map(all.map((each) => [each.keys, each])).values()];
  return (
    <Dialog title="Keys" close={close}>
      <dl className="keys">
        {rows.map(({ keys, says }) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{says}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
