import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

import { EvidenceError } from '../../../domain/evidence/canonical-json.ts';
import { evidenceLines, witnessText } from '../../../domain/evidence/evidence-check.ts';
import { exportLines } from '../../../domain/evidence/export-format.ts';
import { verifyExport } from '../../../domain/evidence/verify-export.ts';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client.ts';
import { type LedgerRecord, readLedgerRecords } from './ledger-records.ts';
import type { LedgerReport } from './report-model.ts';

export interface ReadLedger {
  readonly records: readonly LedgerRecord[];
  readonly ledger: LedgerReport;
}

export interface ReadOptions {
  /** The key that must have signed it; null: any. */
  readonly trustedKeyId: string | null;
  readonly signal: AbortSignal;
}

/** Keeps the ledger as the server gives it. */
export async function saveExport(client: Client, path: string, signal: AbortSignal): Promise<void> {
  const texts = client.texts('/v1/ledger/export', { signal });
  await using file = await open(path, 'w', 0o600);
  for await (const text of texts) await file.write(text);
  await file.sync();
}

/** Verifies an exported ledger as `tidegate verify` does, then reads it: what fails the check is reported all the same. */
export async function readLedger(
  path: string,
  { trustedKeyId, signal }: ReadOptions,
): Promise<ReadLedger> {
  try {
    const lines = exportLines(createReadStream(path, { signal }));
    const report = await verifyExport(lines, { trustedKeyId });
    const { entries, valid, keyIds, headLeafHash, firstProblem, proves, evidence } = report;
    const statement =
      firstProblem === null
        ? [proves, witnessText(evidence.witnesses), ...evidenceLines(evidence)].join(' ')
        : `entry ${firstProblem.index}: ${firstProblem.what}`;
    return {
      records: await readLedgerRecords(createReadStream(path, { signal })),
      ledger: { entries, verified: valid, keyIds, headLeafHash, statement },
    };
  } catch (cause) {
    const isOurs = cause instanceof EvidenceError;
    if (signal.aborted || !(isOurs || (cause instanceof Error && 'syscall' in cause))) throw cause;
    throw new CliError(`cannot read ${path}: ${cause.message}`, { code: 'unreadable', cause });
  }
}
