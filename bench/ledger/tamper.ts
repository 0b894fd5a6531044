import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { exportedLedger } from '../../src/apps/verify/exported-ledger.fixture.ts';
import { tamperWithDatabase } from './tamper-database.ts';
import { tamperWithExport } from './tamper-export.ts';
import { tamperWithHistory } from './tamper-history.ts';
import type { TamperRow } from './tamper-row.ts';

export interface TamperCounts {
  readonly rows: readonly TamperRow[];
  readonly tried: number;
  readonly missed: number;
  readonly missedLenient: number;
  readonly missedUnwitnessed: number;
}

/** Small, so that each try is a full verification of everything; `LARGE` has full tiles and one of the level above. */
const SMALL = 12;
const LARGE = 300;

export async function tamper(
  folder: string,
  options: {
    readonly isQuick: boolean;
    readonly say: (line: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<TamperCounts> {
  const { isQuick, say, signal } = options;
  const rows: TamperRow[] = [];
  const add = (row: TamperRow): void => {
    rows.push(row);
    say(`  ${row.name}: ${row.tried} tried, ${row.harmless} harmless, ${row.missed} missed`);
  };
  await mkdir(folder, { recursive: true });
  const keys = join(folder, 'keys');
  const small = await exportedLedger(keys, SMALL, { seed: 1, isWitnessed: true });
  const large = await exportedLedger(keys, LARGE, { seed: 1, isWitnessed: true });
  await small.writeTo(join(folder, 'small'));
  await large.writeTo(join(folder, 'large'));
  const share = isQuick ? 1 / 16 : 1;
  const counts = { flips: 9_000, edits: 900, truncations: 200 };
  await tamperWithExport({
    folder: join(folder, 'small'),
    ledger: small,
    counts,
    share,
    signal,
    add,
  });
  const few = { flips: 1_000, edits: 100, truncations: 20 };
  await tamperWithExport({
    folder: join(folder, 'large'),
    ledger: large,
    counts: few,
    share,
    signal,
    add,
  });
  const forks = Math.ceil(100 * share);
  await small.writeTo(join(folder, 'history'));
  await tamperWithHistory({
    folder: join(folder, 'history'),
    keys,
    ledger: small,
    size: SMALL,
    forks,
    signal,
    add,
  });
  const tries = { flips: 3_000, edits: 400, truncations: 100 };
  await tamperWithDatabase({
    folder: join(folder, 'database'),
    ledger: small,
    counts: tries,
    share,
    signal,
    add,
  });
  const sum = (of: (row: TamperRow) => number | null): number =>
    rows.reduce((total, row) => total + (of(row) ?? 0), 0);
  return {
    rows,
    tried: sum(({ tried }) => tried),
    missed: sum(({ missed }) => missed),
    missedLenient: sum(({ missedLenient }) => missedLenient),
    missedUnwitnessed: sum(({ missedUnwitnessed }) => missedUnwitnessed),
  };
}
