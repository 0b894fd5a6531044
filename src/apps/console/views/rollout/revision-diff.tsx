import { type ReactNode, useState } from 'react';
import type { ActionPreview } from '../../../../api/rollout-wire.ts';
import type { RevisionView } from '../../../../api/wire.ts';
import { ActionDialog } from '../../parts/actions/action-dialog.tsx';
import { DiffLines } from '../../parts/diff-lines.tsx';
import { ResourceNote } from '../../parts/resource-note.tsx';
import { useResource } from '../../store/use-resource.ts';

/** What going back to an earlier revision would change, before anything is done. */
export function RevisionDiff(props: {
  readonly service: string;
  readonly rolloutId: string;
  /** Those an undo can go to, newest last. */
  readonly revisions: readonly RevisionView[];
}): ReactNode {
  const { service, rolloutId, revisions } = props;
  const [chosen, choose] = useState<string | null>(null);
  const [isGoing, setGoing] = useState(false);
  const preview = useResource<ActionPreview>(
    chosen === null
      ? null
      : `/v1/rollouts/${encodeURIComponent(rolloutId)}/preview?action=undo&toRevision=${chosen}`,
    { changes: (event) => event.service === service },
  );
  if (revisions.length === 0) return <p className="soft">There is no earlier revision.</p>;
  return (
    <div className="revision-diff">
      <label>
        Compare with{' '}
        <select
          value={chosen ?? ''}
          onChange={({ target }) => choose(target.value === '' ? null : target.value)}
        >
          <option value="">an earlier revision</option>
          {revisions.toReversed().map(({ id, version }) => (
            <option key={id} value={id}>
              {version === null ? id : `${version} (${id})`}
            </option>
          ))}
        </select>
      </label>{' '}
      {chosen !== null && (
        <button type="button" onClick={() => setGoing(true)}>
          Go back to it
        </button>
      )}
      {chosen !== null && <ResourceNote of={preview} what="difference" />}
      {preview.value !== null &&
        (preview.value.diff.length === 0 ? (
          <p className="soft">{preview.value.sentence}</p>
        ) : (
          <DiffLines lines={preview.value.diff} />
        ))}
      {isGoing && chosen !== null && (
        <ActionDialog
          action="undo"
          service={service}
          rolloutId={rolloutId}
          toRevision={chosen}
          close={() => setGoing(false)}
        />
      )}
    </div>
  );
}
