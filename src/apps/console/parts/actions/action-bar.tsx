import { type ReactNode, useId, useState } from 'react';
import { useShortcut } from '../../shell/shortcuts.ts';
import { useSession } from '../../store/session.ts';
import { ActionDialog } from './action-dialog.tsx';
import {
  type ActionSubject,
  actionWords,
  offeredActions,
  refusalOf,
  type RolloutAction,
} from './action-state.ts';

/** What can be done about a rollout, each one click and one key away; nothing is done before it has been shown what would change. */
export function ActionBar(props: {
  readonly service: string;
  readonly rolloutId: string;
  readonly subject: ActionSubject;
}): ReactNode {
  const { service, rolloutId, subject } = props;
  const [open, setOpen] = useState<RolloutAction | null>(null);
  const session = useSession(service).value;
  const allowed = session?.allowed.services[service] ?? null;
  return (
    <div className="actions" role="group" aria-label={`Actions on ${rolloutId}`}>
      {offeredActions(subject).map((action) => (
        <ActionButton
          key={action}
          action={action}
          refusal={refusalOf(action, session, allowed)}
          choose={() => setOpen(action)}
        />
      ))}
      {open !== null && (
        <ActionDialog
          action={open}
          service={service}
          rolloutId={rolloutId}
          close={() => setOpen(null)}
        />
      )}
    </div>
  );
}

function ActionButton(props: {
  readonly action: RolloutAction;
  readonly refusal: string | null;
  readonly choose: () => void;
}): ReactNode {
  const { action, refusal, choose } = props;
  const words = actionWords.find((each) => each.action === action);
  const act = (): void => {
    if (refusal === null) choose();
  };
  const reasonId = useId();
  useShortcut(words?.key ?? '', words?.help ?? '', act);
  // Not `disabled`: the reason has to be found by keyboard and screen reader too.
  return (
    <button
      type="button"
      aria-disabled={refusal !== null}
      aria-describedby={refusal === null ? undefined : reasonId}
      aria-keyshortcuts={words?.key}
      title={refusal ?? `${words?.help} (${words?.key})`}
      className={action === 'promote' ? 'primary' : undefined}
      onClick={act}
    >
      {words?.says}
      {refusal !== null && (
        <span id={reasonId} hidden>
          {refusal}
        </span>
      )}
    </button>
  );
}
