import { type BenchOptions, type BenchReport, cell, rounded } from '../form.ts';
import { missing } from '../gateway/programs.ts';
import { readLimits } from './limits.ts';

export const about = 'rate limits shared by workers and gateways, beside nginx';

export async function run(options: BenchOptions): Promise<BenchReport> {
  const lacking = await missing(['taskset', 'nginx']);
  if (lacking.length > 0) {
    const notes = [`Nothing was measured: ${lacking.join(', ')} must be installed.`];
    return { tables: [], notes, result: { allowedPerSecond: null, allowedErrorRatio: null } };
  }
  const hasRedis = (await missing(['redis-server'])).length === 0;
  const readings = await readLimits(options, hasRedis);
  const shared = hasRedis ? readings.at(-1) : undefined;
  const peer = readings[0];
  return {
    tables: [
      {
        heads: [
          'A LIMIT OF 1,000 A SECOND',
          'ALLOWED/S',
          'ANSWERED/S',
          'OFF BY',
          'LEAST OF A CALLER',
          'OTHERS',
        ],
        rows: readings.map((reading) => [
          reading.name,
          cell(reading.allowedPerSecond, 0),
          cell(reading.answeredPerSecond, 0),
          `${(100 * reading.errorRatio).toFixed(2)} %`,
          cell(reading.leastRatio, 3),
          String(reading.others),
        ]),
      },
    ],
    notes: [
      '3,000 requests/s offered by 12 callers, open loop, each over connections of its own; the first 3 s are left out.',
      'Allowed: the middle of the seconds; off by: over all of them. Least: of a caller, by what each would have if all had the same.',
      ...(hasRedis ? [] : ['redis-server is not installed: two gateways were not measured.']),
    ],
    result: {
      allowedPerSecond: shared?.allowedPerSecond ?? null,
      allowedErrorRatio: rounded(shared === undefined ? null : Math.abs(shared.errorRatio), 4),
      leastCallerRatio: rounded(shared?.leastRatio ?? null, 3),
      errorOverNginx:
        shared === undefined || peer === undefined
          ? null
          : rounded(Math.abs(shared.errorRatio) / Math.max(1e-4, Math.abs(peer.errorRatio)), 2),
    },
  };
}
