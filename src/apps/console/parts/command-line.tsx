import { type ReactNode, useState } from 'react';

/** A command to be run where the keys are, whole and ready to copy. */
export function CommandLine({ command }: { readonly command: string }): ReactNode {
  const [said, setSaid] = useState('');
  return (
    <span className="command-line">
      <code>{command}</code>{' '}
      <button
        type="button"
        className="quiet"
        aria-label={`Copy ${command}`}
        onClick={() => {
          navigator.clipboard.writeText(command).then(
            () => setSaid('copied'),
            () => setSaid('the browser refused to copy'),
          );
        }}
      >
        Copy
      </button>
      <span role="status">{said}</span>
    </span>
  );
}
