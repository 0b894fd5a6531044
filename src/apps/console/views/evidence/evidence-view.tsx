import './evidence.css';
import { type ReactNode, useEffect, useState } from 'react';
import { Link, useParams } from 'wouter';
import type { ReleaseEvidence } from '../../../../api/evidence-wire.ts';
import { CopyAs } from '../../parts/copy-as.tsx';
import { ResourceNote } from '../../parts/resource-note.tsx';
import { useTitle } from '../../shell/use-title.ts';
import { useResource } from '../../store/use-resource.ts';
import { EvidenceFacts } from './evidence-facts.tsx';
import { TrustForm } from './trust-form.tsx';
import { keepTrusted, readTrusted, type TrustedKeys } from './trusted-keys.ts';
import {
  type Check,
  type Verification,
  type VerifiedEntry,
  verifyEvidence,
} from './verify-evidence.ts';

export default function EvidenceView(): ReactNode {
  const { id } = useParams<{ id: string }>();
  useTitle(`Evidence of ${id}`);
  const file = useResource<ReleaseEvidence>(`/v1/rollouts/${encodeURIComponent(id)}/evidence`, {
    changes: ({ rolloutId }) => rolloutId === id,
    goodForMs: ({ entries }) =>
      entries.every(({ inclusionProof }) => inclusionProof !== null) ? null : 5_000,
  });
  const [trusted, setTrusted] = useState(() => readTrusted(localStorage));
  const verification = useVerification(file.value, trusted);
  return (
    <div className="page">
      <header className="page-head">
        <h1>Evidence of {id}</h1>
        <Link href={`/rollouts/${id}`}>The rollout</Link>
        <button
          type="button"
          disabled={file.value === null}
          onClick={() => file.value !== null && save(file.value)}
        >
          Save as one file
        </button>
        <CopyAs cli={cliOf(id)} yaml={file.value} />
      </header>
      <ResourceNote of={file} what="evidence" />
      {file.value !== null && verification === null && <p className="note">Verifying</p>}
      {file.value !== null && verification !== null && (
        <>
          <Verdict verification={verification} />
          <TrustForm trusted={trusted} offered={file.value.policy} change={setTrusted} />
          <section aria-labelledby="checkpoint">
            <h2 id="checkpoint">What was verified</h2>
            <Checks checks={verification.checks} />
          </section>
          <EvidenceFacts entries={verification.entries} />
          <section aria-labelledby="entries">
            <h2 id="entries">Entries, one by one</h2>
            <Entries entries={verification.entries} />
          </section>
        </>
      )}
    </div>
  );
}

/** Null: not yet. Keys that nobody knew are believed from now on, and any other ones later are a failure. */
function useVerification(
  file: ReleaseEvidence | null,
  trusted: TrustedKeys | null,
): Verification | null {
  const [found, setFound] = useState<Verification | null>(null);
  useEffect(() => {
    if (file === null) return;
    let isWanted = true;
    if (trusted === null) {
      const at = new Date().toISOString();
      keepTrusted(localStorage, { policy: file.policy, how: 'seen-first', at });
    }
    void verifyEvidence(file, trusted?.policy ?? file.policy).then((verification) => {
      if (isWanted) setFound(verification);
    });
    return () => {
      isWanted = false;
    };
  }, [file, trusted]);
  return found;
}

function Verdict({ verification }: { readonly verification: Verification }): ReactNode {
  const { isValid, openCount, entries, checks } = verification;
  const failed = [...checks, ...entries.flatMap((each) => each.checks)].filter(
    ({ result }) => result === 'failed',
  );
  const open =
    openCount === 0 ? '' : ` ${openCount} things could not be verified; each is named below.`;
  if (failed.length > 0) {
    return (
      <p className="verdict" role="alert" data-result="failed">
        ✕ NOT valid: {failed.length} of the checks below failed. First: {failed[0]?.what}
      </p>
    );
  }
  if (!isValid) {
    return (
      <p className="verdict" role="status" data-result="open">
        ○ Nothing failed, and nothing is proven yet.{open}
      </p>
    );
  }
  return (
    <p className="verdict" role="status" data-result="passed">
      ✓ Valid: {entries.length} entries are in the ledger as they were signed.{open} Not proven:
      that no later entries exist, and the content of blobs.
    </p>
  );
}

const signs: Readonly<Record<Check['result'], string>> = { passed: '✓', failed: '✕', open: '○' };
const words: Readonly<Record<Check['result'], string>> = {
  passed: 'passed',
  failed: 'FAILED',
  open: 'not verified',
};

function Checks({ checks }: { readonly checks: readonly Check[] }): ReactNode {
  return (
    <ul className="checks">
      {checks.map(({ result, what }) => (
        <li key={what} data-result={result}>
          <span aria-hidden="true">{signs[result]}</span> {words[result]}: {what}
        </li>
      ))}
    </ul>
  );
}

function Entries({ entries }: { readonly entries: readonly VerifiedEntry[] }): ReactNode {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Entry</th>
          <th scope="col">Type</th>
          <th scope="col">At</th>
          <th scope="col">Says</th>
          <th scope="col">Verified</th>
        </tr>
      </thead>
      <tbody>
        {entries.map(({ index, statement, checks }) => (
          <tr key={index}>
            <th scope="row">{index}</th>
            <td>{statement?.type ?? 'unreadable'}</td>
            <td className="age">
              {statement === null ? '–' : new Date(statement.observedAtMs).toLocaleString()}
            </td>
            <td>{sentenceOf(statement)}</td>
            <td>
              <Checks checks={checks} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function sentenceOf(statement: VerifiedEntry['statement']): string {
  const { sentence, action, decision } = statement?.data ?? {};
  return [sentence, decision, action].find((each) => typeof each === 'string') ?? '';
}

/** The same file that the API gives; `tidegate ledger proof` and tidegate-verify check its entries elsewhere. */
function save(file: ReleaseEvidence): void {
  const bytes = new Blob([`${JSON.stringify(file, null, 1)}\n`], { type: 'application/json' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(bytes);
  link.download = `${file.metadata.name}.evidence.json`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function cliOf(id: string): string {
  return `tidegate events ${id.replace(/-\d+$/, '')} && tidegate verify`;
}
