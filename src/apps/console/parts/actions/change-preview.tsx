import { type ReactNode } from 'react';
import type { ActionPreview } from '../../../../api/rollout-wire.ts';
import type { RevisionView } from '../../../../api/wire.ts';
import { DiffLines } from '../diff-lines.tsx';
import { durationText, percentText } from '../number-text.ts';

type Shares = ActionPreview['traffic']['now'];

/** What an action would do: the sentence of the entry, whose traffic goes where, the difference between the two, and how long it takes. */
export function ChangePreview({ preview }: { readonly preview: ActionPreview }): ReactNode {
  const { outcome, sentence, from, to, traffic, diff, estimate } = preview;
  return (
    <div className="preview">
      <p className="sentence" data-tone={outcome === 'would-do' ? undefined : 'warn'}>
        {outcome === 'would-refuse' && 'It would be refused: '}
        {outcome === 'would-change-nothing' && 'It would change nothing: '}
        {sentence}
      </p>
      <dl className="facts">
        <dt>Revision</dt>
        <dd>{from === null && to === null ? 'as it is' : `${nameOf(from)} → ${nameOf(to)}`}</dd>
        <dt>Traffic now</dt>
        <dd>{sharesText(traffic.now, [from, to])}</dd>
        <dt>Traffic then</dt>
        <dd>{sharesText(traffic.after, [from, to])}</dd>
        {estimate !== null && (
          <>
            <dt>Expected time</dt>
            <dd>
              {estimate.totalMs === null
                ? estimate.sentences.join('; ')
                : estimate.totalMs === 0
                  ? 'at once'
                  : `about ${durationText(estimate.totalMs)} to 100 %`}
            </dd>
          </>
        )}
      </dl>
      {diff.length > 0 && <DiffLines lines={diff} />}
    </div>
  );
}

function nameOf(revision: RevisionView | null): string {
  if (revision === null) return 'none';
  return revision.version === null ? revision.id : `${revision.version} (${revision.id})`;
}

function sharesText(shares: Shares, known: readonly (RevisionView | null)[]): string {
  if (shares.length === 0) return 'none';
  return shares
    .map(({ revisionId, weightPercent }) => {
      const revision = known.find((each) => each?.id === revisionId);
      return `${percentText(weightPercent)} ${revision?.version ?? revisionId}`;
    })
    .join(', ');
}
