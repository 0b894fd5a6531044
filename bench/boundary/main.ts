import { type BenchOptions, type BenchReport, type BenchTable, cell, rounded } from '../form.ts';
import { missing } from '../gateway/programs.ts';
import { type AccessReading, readAccess } from './authorization.ts';
import { readHits } from './cache-hits.ts';
import { readModel } from './cache-model.ts';
import { hitReport } from './hit-report.ts';
import { type LimitReading, readLimits } from './limits.ts';
import { openPlace } from './place.ts';
import { readRotation } from './rotation.ts';
import { rotationReport } from './rotation-report.ts';
import { readTls } from './tls.ts';
import { tlsReport } from './tls-report.ts';
import { readUnused, type UnusedReading } from './unused.ts';

export const about =
  'limits, authorization, tokens and cache at the gateway, and what they cost who has none';
export const parts = ['authorization', 'cache', 'limits', 'rotation', 'tls', 'unused'];

/** Every key of the last line, whichever parts are run. */
const nothing = {
  allowedPerSecond: null,
  allowedErrorRatio: null,
  leastCallerRatio: null,
  leastCallerRatioNginx: null,
  errorOverNginx: null,
  tlsCpuOverHaproxyTls: null,
  newTlsCpuOverHaproxyTls: null,
  mtlsCpuOverHaproxyMtls: null,
  failedDuringCertRotation: null,
  answeredPerSecondDuringCertRotation: null,
  authzPairs: null,
  authzMistakes: null,
  jwtAttacksRefused: null,
  jwtAttacks: null,
  cacheHitRatio: null,
  peerCacheHitRatio: null,
  cacheMemoryHitRatio: null,
  peerCacheMemoryHitRatio: null,
  cacheSavedMs: null,
  cacheModelSequences: null,
  cacheModelMistakes: null,
  unusedPolicyCostRatio: null,
} as const;

export async function run(options: BenchOptions): Promise<BenchReport> {
  const isWanted = (part: string): boolean => options.only?.includes(part) ?? true;
  const reports: BenchReport[] = [];
  if (isWanted('authorization')) reports.push(accessReport(await readAccess(options)));
  if (isWanted('rotation')) reports.push(rotationReport(await readRotation(options)));
  if (isWanted('cache')) reports.push(await readModel(options));
  if (['cache', 'limits', 'tls', 'unused'].some(isWanted)) {
    await using place = await openPlace();
    if (isWanted('cache')) {
      const lacking = await missing(['taskset', 'wrk', 'nginx']);
      const hasRedis = (await missing(['redis-server'])).length === 0;
      reports.push(
        lacking.length > 0
          ? notMeasured(lacking)
          : hitReport(await readHits(options, place, hasRedis)),
      );
    }
    if (isWanted('tls')) {
      const lacking = await missing(['taskset', 'wrk', 'nginx', 'haproxy', 'openssl']);
      reports.push(
        lacking.length > 0 ? notMeasured(lacking) : tlsReport(await readTls(options, place)),
      );
    }
    if (isWanted('unused')) {
      const lacking = await missing(['taskset', 'wrk']);
      reports.push(
        lacking.length > 0 ? notMeasured(lacking) : unusedReport(await readUnused(options, place)),
      );
    }
    if (isWanted('limits')) {
      const lacking = await missing(['taskset', 'nginx']);
      const hasRedis = (await missing(['redis-server'])).length === 0;
      reports.push(
        lacking.length > 0
          ? notMeasured(lacking)
          : limitReport(await readLimits(options, place, hasRedis), hasRedis),
      );
    }
  }
  return {
    tables: reports.flatMap(({ tables }) => tables),
    notes: reports.flatMap(({ notes }) => notes),
    result: Object.assign({}, nothing, ...reports.map(({ result }) => result)),
  };
}

function notMeasured(lacking: readonly string[]): BenchReport {
  const notes = [`A part was not measured: ${lacking.join(', ')} must be installed.`];
  return { tables: [], notes, result: {} };
}

function accessReport(reading: AccessReading): BenchReport {
  const { pairs, mistakes, attacks, attacksRefused, isRightTaken } = reading;
  const table: BenchTable = {
    heads: ['WHO MAY ASK WHAT', 'ASKED', 'WRONG'],
    rows: [
      ['pairs of a market of ten services', String(pairs), String(mistakes)],
      ['attacks on tokens and their keys', String(attacks), String(attacks - attacksRefused)],
    ],
  };
  return {
    tables: [table],
    notes: [
      'Pairs: caller, service, method and path, against examples/market/pairs.txt, which was written by hand.',
      `A right token was ${isRightTaken ? 'taken' : 'REFUSED'}.`,
    ],
    result: {
      authzPairs: pairs,
      authzMistakes: mistakes,
      jwtAttacksRefused: isRightTaken ? attacksRefused : null,
      jwtAttacks: attacks,
    },
  };
}

function unusedReport({
  cpuRatio,
  aloneUs,
  besideUs,
  rounds,
  failures,
}: UnusedReading): BenchReport {
  return {
    tables: [
      {
        heads: ['A ROUTE WITHOUT ANY OF IT', 'CPU OF A REQUEST IN US', 'FAILURES'],
        rows: [
          ['in a table of its own', cell(aloneUs, 1), ''],
          ['beside 20 that use all of it', cell(besideUs, 1), String(failures)],
        ],
      },
    ],
    notes: [
      `Two gateways of one build, asked in turn in ${rounds} rounds; the ratio is the middle one of the rounds.`,
    ],
    result: { unusedPolicyCostRatio: rounded(cpuRatio, 3) },
  };
}

function limitReport(readings: readonly LimitReading[], hasRedis: boolean): BenchReport {
  const shared = hasRedis ? readings.at(-1) : undefined;
  const peer = readings[0];
  const heads = [
    'A LIMIT OF 1,000 A SECOND',
    'ALLOWED/S',
    'ANSWERED/S',
    'OFF BY',
    'LEAST OF A CALLER',
    'OTHERS',
  ];
  const rows = readings.map((reading) => [
    reading.name,
    cell(reading.allowedPerSecond, 0),
    cell(reading.answeredPerSecond, 0),
    `${(100 * reading.errorRatio).toFixed(2)} %`,
    cell(reading.leastRatio, 3),
    String(reading.others),
  ]);
  return {
    tables: [{ heads, rows }],
    notes: [
      '3,000 requests/s offered by 12 callers, open loop, each over connections of its own; the first 3 s are left out.',
      'Allowed: the middle of the seconds; off by: over all of them. Least: of a caller, by what each would have if all had the same.',
      ...(hasRedis ? [] : ['redis-server is not installed: two gateways were not measured.']),
    ],
    result: {
      allowedPerSecond: shared?.allowedPerSecond ?? null,
      allowedErrorRatio: rounded(shared === undefined ? null : Math.abs(shared.errorRatio), 4),
      leastCallerRatio: rounded(shared?.leastRatio ?? null, 3),
      leastCallerRatioNginx: rounded(peer?.leastRatio ?? null, 3),
      errorOverNginx:
        shared === undefined || peer === undefined
          ? null
          : rounded(Math.abs(shared.errorRatio) / Math.max(1e-4, Math.abs(peer.errorRatio)), 2),
    },
  };
}
