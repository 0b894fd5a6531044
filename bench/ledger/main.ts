/** What the ledger finds, costs and weighs: tampering, verification, appends, bytes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { cell, rounded } from '../form.ts';
import type { BenchOptions, BenchReport } from '../form.ts';
import { measureAppends } from './appends.ts';
import { measureBytes } from './bytes.ts';
import { measurePostgres } from './postgres.ts';
import { tamper } from './tamper.ts';
import { measureVerification } from './verification.ts';

export const about =
  'tampering found, verification rate, append times, bytes of the ledger, PostgreSQL, double promotions';

export async function run({ isQuick, say, signal }: BenchOptions): Promise<BenchReport> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-ledger-'));
  try {
    say('tampering with an export and with a database');
    const tampering = await tamper(join(folder, 'tamper'), { isQuick, say, signal });
    say(`verifying ${isQuick ? 4_000 : 60_000} entries`);
    const ledger = join(folder, 'ledger');
    const rates = await measureVerification(ledger, isQuick ? 4_000 : 60_000, signal);
    say('weighing a month');
    const bytes = await measureBytes(ledger, signal);
    say('appending one at a time');
    const appends = await measureAppends(join(folder, 'appends'), isQuick ? 500 : 5_000, signal);
    const postgres = await measurePostgres({ isQuick, say, signal });
    return {
      tables: [
        {
          heads: ['TAMPERING', 'TRIED', 'MISSED', 'MISSED BY LENIENT', 'MISSED WITHOUT A WITNESS'],
          rows: tampering.rows.map((row) => [
            row.name,
            `${row.tried}`,
            `${row.missed}`,
            `${row.missedLenient ?? '-'}`,
            `${row.missedUnwitnessed ?? '-'}`,
          ]),
        },
        {
          heads: ['RATE', 'ENTRIES/S'],
          rows: [
            ['bare Ed25519 signatures, one core', cell(rates.barePerSecond)],
            ['full verification, one core', cell(rates.fullPerSecond)],
            ['program, one worker', cell(rates.oneWorkerPerSecond)],
            ['program, two workers', cell(rates.twoWorkersPerSecond)],
          ],
        },
        ...postgres.tables,
      ],
      notes: [
        'A flipped bit of the database counts as found when an export of it is refused or cannot be made; as harmless when the export is the same, byte for byte.',
        'verifyOverBareSignature compares processor time, not clock time, of the same entries in the same process.',
        'Not measured here yet, and null: kills of the writer (src/adapters/sqlite/sqlite-crash.test.ts has 20).',
        ...postgres.notes,
      ],
      result: {
        tampersTried: tampering.tried,
        tampersMissed: tampering.missed,
        tampersMissedLenient: tampering.missedLenient,
        tampersMissedUnwitnessed: tampering.missedUnwitnessed,
        kills: null,
        acknowledgedLost: null,
        verifyOverBareSignature: rounded(rates.overBare, 3),
        verifyTwoWorkersOverOne: rounded(rates.twoWorkersPerSecond / rates.oneWorkerPerSecond, 2),
        appendP50Ms: rounded(appends.p50Ms, 3),
        appendP99Ms: rounded(appends.p99Ms, 3),
        ...postgres.result,
        bytesPerEntry: rounded(bytes.perEntry),
        monthArchivedMb: rounded(bytes.monthArchivedMb, 1),
        monthLiveMb: rounded(bytes.monthLiveMb, 1),
      },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
