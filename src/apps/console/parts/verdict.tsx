import { type ReactNode } from 'react';

type Verdict = 'pass' | 'fail' | 'undecided';

const looks: Readonly<Record<Verdict, { readonly sign: string; readonly tone: string }>> = {
  pass: { sign: '✓', tone: 'good' },
  fail: { sign: '✕', tone: 'bad' },
  undecided: { sign: '·', tone: 'soft' },
};

/** Null: nothing has been judged. */
export function VerdictMark({ verdict }: { readonly verdict: Verdict | null }): ReactNode {
  if (verdict === null) return <span className="soft">none yet</span>;
  const { sign, tone } = looks[verdict];
  return (
    <span data-tone={tone}>
      <span aria-hidden="true">{sign} </span>
      {verdict}
    </span>
  );
}
