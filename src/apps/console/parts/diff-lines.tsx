import { type ReactNode } from 'react';

const words: Readonly<Record<string, string>> = { '-': 'was', '+': 'will be' };

/** Lines that begin with `-`, `+` or a space, as the server makes them. The sign says it, not the colour alone. */
export function DiffLines({ lines }: { readonly lines: readonly string[] }): ReactNode {
  return (
    <ul className="diff">
      {lines.map((line, index) => (
        // Two lines may be the same; their order never changes.
        // oxlint-disable-next-line react/no-array-index-key
        <li key={index} data-sign={line[0]}>
          <span aria-hidden="true">{line[0]}</span>
          <span className="hidden">{words[line[0] ?? '']} </span>
          <code>{line.slice(1)}</code>
        </li>
      ))}
    </ul>
  );
}
