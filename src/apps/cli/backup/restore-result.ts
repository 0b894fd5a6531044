import { type DataFormat, printData } from '../data-format.ts';
import { print, say, type Session } from '../session.ts';

/** What a person or a program is told of a restore. */
export interface RestoreResult {
  readonly folder: string;
  readonly stateFolder: string;
  /** PostgreSQL, without user and password; null: the ledger is in the state folder. */
  readonly store: string | null;
  readonly isCheckOnly: boolean;
  readonly origin: string;
  readonly newOrigin: string | null;
  readonly entries: number;
  readonly files: number;
  readonly madeAt: string;
  /** What the backup was compared with besides itself. */
  readonly comparedWith: readonly string[];
  readonly warnings: readonly string[];
  readonly durationMs: number;
}

export async function tellRestored(
  session: Session,
  result: RestoreResult,
  output: DataFormat | undefined,
): Promise<void> {
  if (output !== undefined) await printData(session, result, output);
  else {
    const seconds = (result.durationMs / 1000).toFixed(1);
    const did = result.isCheckOnly ? 'Would restore' : 'Restored';
    const compared = result.comparedWith.length === 0 ? 'nothing' : result.comparedWith.join(', ');
    print(session, [
      `${did} ${result.entries} entries to ${result.stateFolder} in ${seconds} s.`,
      `  backup: ${result.folder}, made at ${result.madeAt}, ${result.files} files`,
      `  ledger: ${result.origin}`,
      ...(result.store === null ? [] : [`  kept in PostgreSQL: ${result.store}`]),
      ...(result.newOrigin === null ? [] : [`  now named: ${result.newOrigin}`]),
      '  checked: every file, entry and signature; the root; what is derived from the entries',
      `  compared with: ${compared}`,
    ]);
  }
  for (const warning of result.warnings) say(session, `note: ${warning}`);
}
