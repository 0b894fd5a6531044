import { Postgres, withoutPostgres } from '../../test/services/postgres.fixture.ts';
import { cell, rounded } from '../form.ts';
import type { BenchOptions, BenchTable } from '../form.ts';
import { tryPromotions } from './double-promotions.ts';
import { stopWhileAppending } from './immediate-stops.ts';
import { measurePostgresAppends } from './postgres-appends.ts';

export interface PostgresPart {
  readonly tables: readonly BenchTable[];
  readonly notes: readonly string[];
  /** Null values: there is no PostgreSQL here. */
  readonly result: Readonly<Record<string, number | null>>;
}

/** What only PostgreSQL can show: appends from many callers, immediate stops, and who may promote. */
export async function measurePostgres({
  isQuick,
  say,
  signal,
}: Pick<BenchOptions, 'isQuick' | 'say' | 'signal'>): Promise<PostgresPart> {
  if (withoutPostgres !== false) return absent(withoutPostgres);
  await using postgres = await Postgres.start();
  say('appending to PostgreSQL from 64 callers');
  const appends = await measurePostgresAppends(postgres, isQuick ? 3_000 : 40_000, signal);
  const stops = isQuick ? 3 : 50;
  say(`stopping PostgreSQL ${stops} times`);
  const stopped = await stopWhileAppending(postgres, { stops, seed: 7 }, signal);
  const rounds = isQuick ? 60 : 10_000;
  say(`${rounds} rounds of controllers that want to promote`);
  await using hasty = await Postgres.start({ isHasty: true });
  const trial = { lanes: isQuick ? 4 : 12, seed: 20_261_121 };
  const fenced = await tryPromotions(hasty, { ...trial, rounds, isFenced: true }, signal);
  const unfencedRounds = isQuick ? 20 : 300;
  const without = { ...trial, rounds: unfencedRounds, isFenced: false };
  const unfenced = await tryPromotions(hasty, without, signal);
  return {
    tables: [
      {
        heads: ['POSTGRESQL', 'PER SECOND', 'P50 MS', 'P99 MS'],
        rows: [
          [
            'entries: signed, in the tree, durable, 64 callers',
            cell(appends.perSecond),
            cell(appends.p50Ms, 1),
            cell(appends.p99Ms, 1),
          ],
          [
            'bare rows of as many bytes, 64 in a transaction',
            cell(appends.barePerSecond),
            '-',
            '-',
          ],
        ],
      },
      {
        heads: [
          'CONTROLLERS',
          'ROUNDS',
          'PROMOTED TWICE',
          'WRITES REFUSED',
          'PAUSES',
          'PARTITIONS',
        ],
        rows: [fenced, unfenced].map((each, at) => [
          at === 0 ? 'with the fence' : 'without it',
          `${each.rounds}`,
          `${each.doubles}`,
          `${each.fenced}`,
          `${each.pauses}`,
          `${each.partitions}`,
        ]),
      },
    ],
    notes: [
      `PostgreSQL was stopped as by pg_ctl -m immediate ${stopped.stops} times with ${stopped.acknowledged} entries acknowledged: ${stopped.lost} lost, ${stopped.contradictions} contradictions. Processes are killed there, not the machine.`,
      'Pauses and partitions last up to three leases of 20 ms; on a busy machine every step outlasts such a lease, and without the fence most rounds go wrong.',
    ],
    result: {
      pgStops: stopped.stops,
      pgAcknowledgedLost: stopped.lost,
      pgContradictions: stopped.contradictions,
      doublePromotionRounds: fenced.rounds,
      doublePromotions: fenced.doubles,
      doublePromotionRoundsUnfenced: unfenced.rounds,
      doublePromotionsUnfenced: unfenced.doubles,
      pgAppendP50Ms: rounded(appends.p50Ms, 1),
      pgAppendP99Ms: rounded(appends.p99Ms, 1),
      pgAppendPerSecond: rounded(appends.perSecond),
      pgAppendCpuUs: rounded(appends.cpuUs),
      pgStoreAppendPerSecond: rounded(appends.storePerSecond),
      pgBareRowsPerSecond: rounded(appends.barePerSecond),
    },
  };
}

function absent(why: string): PostgresPart {
  return {
    tables: [],
    notes: [`Not measured, and null: PostgreSQL and double promotions (${why}).`],
    result: {
      pgStops: null,
      pgAcknowledgedLost: null,
      pgContradictions: null,
      doublePromotionRounds: null,
      doublePromotions: null,
      doublePromotionRoundsUnfenced: null,
      doublePromotionsUnfenced: null,
      pgAppendP50Ms: null,
      pgAppendP99Ms: null,
      pgAppendPerSecond: null,
      pgAppendCpuUs: null,
      pgStoreAppendPerSecond: null,
      pgBareRowsPerSecond: null,
    },
  };
}
