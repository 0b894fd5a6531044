import { type FormEvent, type ReactNode, useState } from 'react';
import type { ActionPreview } from '../../../../api/rollout-wire.ts';
import { Dialog } from '../dialog.tsx';
import { ResourceNote } from '../resource-note.tsx';
import { useResource } from '../../store/use-resource.ts';
import { write } from '../../store/session.ts';
import { actionWords, type RolloutAction } from './action-state.ts';
import { ChangePreview } from './change-preview.tsx';

/** What would change, before it is done; who does it may say why, which the ledger keeps. */
export function ActionDialog(props: {
  readonly action: RolloutAction;
  readonly service: string;
  readonly rolloutId: string;
  /** Of undo: id of the revision; absent: the one before. */
  readonly toRevision?: string;
  readonly close: () => void;
}): ReactNode {
  const { action, service, rolloutId, toRevision, close } = props;
  const says = actionWords.find((each) => each.action === action)?.says ?? action;
  const asked = toRevision === undefined ? '' : `&toRevision=${encodeURIComponent(toRevision)}`;
  const preview = useResource<ActionPreview>(
    `/v1/rollouts/${encodeURIComponent(rolloutId)}/preview?action=${action}${asked}`,
    { changes: (event) => event.service === service },
  );
  const sending = useSending(`/v1/services/${encodeURIComponent(service)}/actions`, close);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const why = new FormData(event.currentTarget).get('why');
    sending.send({
      action,
      toRevision: toRevision ?? null,
      why: typeof why === 'string' && why.trim() !== '' ? why.trim() : null,
    });
  };
  const isUseless = preview.value !== null && preview.value.outcome !== 'would-do';
  return (
    <Dialog title={`${says} ${service}`} close={close}>
      <ResourceNote of={preview} what="preview" />
      {preview.value !== null && <ChangePreview preview={preview.value} />}
      <form onSubmit={submit} className="action-form">
        <label>
          Why, for the record
          <textarea name="why" rows={2} maxLength={2000} />
        </label>
        {sending.trouble !== null && (
          <p role="alert" data-tone="bad">
            {sending.trouble}
          </p>
        )}
        <div className="buttons">
          <button type="button" onClick={close}>
            Leave it
          </button>
          <button type="submit" className="primary" disabled={sending.isBusy || isUseless}>
            {sending.isBusy ? 'Being recorded' : says}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function useSending(
  path: string,
  done: () => void,
): {
  readonly isBusy: boolean;
  readonly trouble: string | null;
  readonly send: (body: Readonly<Record<string, unknown>>) => void;
} {
  const [isBusy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  const send = (body: Readonly<Record<string, unknown>>): void => {
    setBusy(true);
    write('POST', path, body).then(done, (error: unknown) => {
      setBusy(false);
      setTrouble(error instanceof Error ? error.message : String(error));
    });
  };
  return { isBusy, trouble, send };
}
