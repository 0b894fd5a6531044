import { type ReactNode } from 'react';
import { type Fields } from './canonical-text.ts';
import type { VerifiedEntry } from './verify-evidence.ts';

/** What the entries themselves say: read from the bytes that were verified, not from another answer of the server. */
export function EvidenceFacts({
  entries,
}: {
  readonly entries: readonly VerifiedEntry[];
}): ReactNode {
  const release = entries.filter(({ about }) => about === 'release');
  return (
    <>
      <section aria-labelledby="gates">
        <h2 id="gates">Gates and numbers</h2>
        <Verdicts entries={release} />
      </section>
      <section aria-labelledby="people">
        <h2 id="people">Who</h2>
        <People entries={release} />
      </section>
    </>
  );
}

function Verdicts({ entries }: { readonly entries: readonly VerifiedEntry[] }): ReactNode {
  const judged = entries.filter(({ statement }) => fields(statement?.data['verdict']) !== null);
  if (judged.length === 0) return <p className="note">No gate has judged this release.</p>;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Entry</th>
          <th scope="col">Verdict</th>
          <th scope="col" className="number">
            Candidate
          </th>
          <th scope="col" className="number">
            Stable
          </th>
          <th scope="col" className="number">
            Against, of limit
          </th>
          <th scope="col">Says</th>
        </tr>
      </thead>
      <tbody>
        {judged.map(({ index, statement }) => {
          const verdict = fields(statement?.data['verdict']) ?? {};
          const explanation = fields(verdict['explanation']) ?? {};
          return (
            <tr key={index}>
              <td>{index}</td>
              <td>{text(verdict['kind'])}</td>
              <td className="number">{armText(explanation['candidate'])}</td>
              <td className="number">{armText(explanation['stable'])}</td>
              <td className="number">
                {numberText(explanation['against'])} of {numberText(explanation['againstLimit'])}
              </td>
              <td>{text(explanation['sentence']) || text(statement?.data['sentence'])}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function People({ entries }: { readonly entries: readonly VerifiedEntry[] }): ReactNode {
  const hands = entries.flatMap(({ index, statement, person, checks }) => {
    const by = fields(statement?.data['by']);
    if (person !== null) {
      return [{ index, who: person, what: checks.at(-1)?.what ?? '', how: 'own signature' }];
    }
    if (by === null) return [];
    const what = `${text(statement?.data['decision'])}: ${text(by['why']) || 'no reason given'}`;
    return [{ index, who: text(by['who']), what, how: 'as the server wrote it' }];
  });
  if (hands.length === 0) return <p className="note">Nobody had a hand in it.</p>;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Entry</th>
          <th scope="col">Who</th>
          <th scope="col">What</th>
          <th scope="col">Known by</th>
        </tr>
      </thead>
      <tbody>
        {hands.map(({ index, who, what, how }) => (
          <tr key={index}>
            <td>{index}</td>
            <td>{who}</td>
            <td>{what}</td>
            <td>{how}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function fields(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null ? (value as Fields) : null;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function armText(value: unknown): string {
  const arm = fields(value);
  const [requests, failures] = [arm?.['requests'], arm?.['failures']];
  return typeof requests === 'number' && typeof failures === 'number'
    ? `${failures.toLocaleString('en')} of ${requests.toLocaleString('en')} failed`
    : '–';
}

function numberText(value: unknown): string {
  return typeof value === 'number' ? Number(value.toPrecision(3)).toLocaleString('en') : '–';
}
