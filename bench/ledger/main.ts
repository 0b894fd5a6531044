/** What the ledger finds, survives, costs and weighs: tampering, kills, verification, appends, bytes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { cell, rounded } from '../form.ts';
import type { BenchOptions, BenchReport, BenchTable } from '../form.ts';
import { measureAppends } from './appends.ts';
import { RELEASE } from './blobs.ts';
import { measureBytes } from './bytes.ts';
import { killWriters } from './kills.ts';
import { measurePostgres } from './postgres.ts';
import { tamper } from './tamper.ts';
import { measureVerification } from './verification.ts';

export const about =
  'tampering found, kills survived, verification rate, append times, bytes, PostgreSQL, double promotions';

/** `verification` weighs the ledger, too: it has one. */
export const parts = ['tamper', 'kills', 'verification', 'appends', 'postgres'] as const;

interface Part {
  readonly tables: readonly BenchTable[];
  readonly notes?: readonly string[];
  readonly result: BenchReport['result'];
}

type Measure = (folder: string, options: BenchOptions) => Promise<Part>;

/** In the order in which they run. */
const MEASURES: Readonly<Record<(typeof parts)[number], Measure>> = {
  tamper: measureTampering,
  kills: measureKills,
  verification: measureRates,
  appends: measureAppending,
  postgres: (_, options) => measurePostgres(options),
};

export async function run(options: BenchOptions): Promise<BenchReport> {
  const wanted = parts.filter((part) => options.only?.includes(part) ?? true);
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-ledger-'));
  try {
    const done: Part[] = [];
    for (const part of wanted) {
      options.say(part);
      done.push(await MEASURES[part](join(folder, part), options));
    }
    return {
      tables: done.flatMap(({ tables }) => tables),
      notes: [...NOTES, ...done.flatMap(({ notes = [] }) => notes)],
      result: Object.assign({ ...NOT_MEASURED }, ...done.map(({ result }) => result)),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const NOTES = [
  'A change of the database counts as found when whoever reads it gets an error, or the export is not believed; as harmless when the export and all that a server reads at its start are the same, byte for byte.',
  'Lenient: one key of the log is enough and lines of unknown keys are passed over, as C2SP asks of any reader. Without a witness: strict, but nobody else has to have signed.',
  'SIGKILL ends a process, not the machine: what the kernel has taken is not lost by it. That each acknowledgement comes after a sync is shown by test/services/ledger-faults.test.ts.',
  'verifyOverBareSignature compares processor time, not clock time, of the same entries in the same process.',
  'Null: not measured in this run.',
];

/** The order of the last line, whichever parts ran. */
const NOT_MEASURED: BenchReport['result'] = {
  tampersTried: null,
  tampersMissed: null,
  tampersMissedLenient: null,
  tampersMissedUnwitnessed: null,
  kills: null,
  acknowledgedLost: null,
  doublePromotionRounds: null,
  doublePromotions: null,
  doublePromotionsUnfenced: null,
  verifyOverBareSignature: null,
  verifyTwoWorkersOverOne: null,
  appendP50Ms: null,
  appendP99Ms: null,
  pgAppendP99Ms: null,
  pgAppendPerSecond: null,
  bytesPerEntry: null,
  monthArchivedMb: null,
  monthLiveMb: null,
  monthBlobsMb: null,
};

async function measureTampering(folder: string, options: BenchOptions): Promise<Part> {
  const found = await tamper(folder, options);
  const heads = [
    'TAMPERING',
    'TRIED',
    'HARMLESS',
    'MISSED',
    'MISSED BY LENIENT',
    'MISSED WITHOUT A WITNESS',
  ];
  const rows = found.rows.map((row) => [
    row.name,
    `${row.tried}`,
    `${row.harmless}`,
    `${row.missed}`,
    `${row.missedLenient ?? '-'}`,
    `${row.missedUnwitnessed ?? '-'}`,
  ]);
  return {
    tables: [{ heads, rows }],
    result: {
      tampersTried: found.tried,
      tampersMissed: found.missed,
      tampersMissedLenient: found.missedLenient,
      tampersMissedUnwitnessed: found.missedUnwitnessed,
    },
  };
}

async function measureKills(folder: string, options: BenchOptions): Promise<Part> {
  const { isQuick, say, signal } = options;
  const counts = await killWriters(folder, { kills: isQuick ? 40 : 1_000, say, signal });
  const { kills, acknowledged, acknowledgedLost, contradictions } = counts;
  const heads = ['KILLS', 'ENTRIES ACKNOWLEDGED', 'LOST', 'CONTRADICTIONS'];
  const row = [kills, acknowledged, acknowledgedLost, contradictions].map(String);
  return {
    tables: [{ heads, rows: [row] }],
    result: { kills, acknowledged, acknowledgedLost, contradictions },
  };
}

async function measureRates(folder: string, { isQuick, signal }: BenchOptions): Promise<Part> {
  const rates = await measureVerification(folder, isQuick ? 4_000 : 60_000, signal);
  const bytes = await measureBytes(folder, signal);
  const rows = [
    ['bare Ed25519 signatures, one core', cell(rates.barePerSecond)],
    ['full verification, one core', cell(rates.fullPerSecond)],
    ['program, one worker', cell(rates.oneWorkerPerSecond)],
    ['program, two workers', cell(rates.twoWorkersPerSecond)],
  ];
  const { samplesBytes, loadResultBytes, logsBytes } = bytes.blobs;
  const weights = [
    ['raw samples of a release', cell(samplesBytes)],
    ['result of a load test', cell(loadResultBytes)],
    ['logs of a release that went back', cell(logsBytes)],
  ];
  return {
    tables: [
      { heads: ['RATE', 'ENTRIES/S'], rows },
      { heads: ['BLOBS', 'BYTES'], rows: weights },
    ],
    notes: [blobsNote],
    result: {
      verifyOverBareSignature: rounded(rates.overBare, 3),
      verifyTwoWorkersOverOne: rounded(rates.twoWorkersPerSecond / rates.oneWorkerPerSecond, 2),
      bytesPerEntry: rounded(bytes.perEntry),
      monthArchivedMb: rounded(bytes.monthArchivedMb, 1),
      monthLiveMb: rounded(bytes.monthLiveMb, 1),
      monthBlobsMb: rounded(bytes.monthBlobsMb, 1),
    },
  };
}

const blobsNote =
  `A month has 200 releases of 300 entries. With each release there are blobs, in both figures: raw samples of ${RELEASE.minutes} min at ` +
  `${RELEASE.requestsPerSecond} requests/s over 5 instances, a load test of ${RELEASE.loadMinutes} min, and logs of one release in ten; twice the ` +
  'minutes are twice the samples. Not in them: what entries were decided from, which the database keeps as well.';

async function measureAppending(folder: string, { isQuick, signal }: BenchOptions): Promise<Part> {
  const times = await measureAppends(folder, isQuick ? 500 : 5_000, signal);
  return {
    tables: [],
    result: {
      appendP50Ms: rounded(times.p50Ms, 3),
      appendP99Ms: rounded(times.p99Ms, 3),
      appendCpuUs: rounded(times.cpuUs),
    },
  };
}
