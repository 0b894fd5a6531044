import { type FormEvent, type ReactNode, useState } from 'react';
import { Age } from '../../parts/age.tsx';
import { forgetTrusted, keepTrusted, logLines, type TrustedKeys } from './trusted-keys.ts';

/** Whose keys are believed, and how to believe others: a proof is worth as much as the way its keys came. */
export function TrustForm(props: {
  readonly trusted: TrustedKeys | null;
  /** The server's own word. */
  readonly offered: readonly string[];
  readonly change: (trusted: TrustedKeys | null) => void;
}): ReactNode {
  const { trusted, offered, change } = props;
  const [trouble, setTrouble] = useState('');
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const given = new FormData(event.currentTarget).get('policy');
    const policy = logLines(typeof given === 'string' ? given : '');
    if (policy.length === 0) {
      setTrouble('there is no line "log ..." in it: tidegate ledger keys prints them');
      return;
    }
    setTrouble('');
    const next: TrustedKeys = { policy, how: 'given', at: new Date().toISOString() };
    keepTrusted(localStorage, next);
    change(next);
  };
  return (
    <details className="trust">
      <summary>
        Believed keys: <How trusted={trusted} />
      </summary>
      <form onSubmit={submit}>
        <label>
          Lines of a policy, from somebody you believe and not from this server
          <textarea
            name="policy"
            rows={4}
            spellCheck={false}
            defaultValue={(trusted?.policy ?? offered).join('\n')}
          />
        </label>
        <p>
          <button type="submit">Believe these</button>{' '}
          <button
            type="button"
            onClick={() => {
              forgetTrusted(localStorage);
              change(null);
            }}
          >
            Believe the server&rsquo;s again
          </button>
        </p>
        {trouble !== '' && (
          <p className="note" role="alert" data-tone="bad">
            {trouble}
          </p>
        )}
      </form>
    </details>
  );
}

function How({ trusted }: { readonly trusted: TrustedKeys | null }): ReactNode {
  if (trusted === null)
    return <>as the server gives them; this browser sees them for the first time</>;
  const { how, at } = trusted;
  return (
    <>
      {how === 'given' ? 'as they were given to this browser' : 'as this browser saw them first'}{' '}
      <Age at={at} /> ago
    </>
  );
}
