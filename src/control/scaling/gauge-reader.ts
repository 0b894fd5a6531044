import type { Revision } from '../../domain/release/revision.ts';
import { type InstanceMetrics, InstanceMetricsError } from '../../ports/instance-metrics.ts';
import type { Instance } from '../../ports/platform.ts';

/** Values of now by instance and metric; what could not be read is not in it. */
export type Gauges = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Asks the ready instances of revisions that scale by metrics of their own, all at once. */
export async function readGauges(
  metrics: Pick<InstanceMetrics, 'readGauges'>,
  asked: { readonly revisions: readonly Revision[]; readonly instances: readonly Instance[] },
  signal: AbortSignal,
): Promise<Gauges> {
  const reads = asked.revisions.flatMap((revision) => {
    const wanted = wantedOf(revision);
    if (wanted === null) return [];
    const own = asked.instances.filter((each) => each.revisionId === revision.id);
    return own.map(async ({ id, endpoint, state }) => {
      const none = new Map<string, number>();
      if (endpoint === null || state !== 'ready') return [id, none] as const;
      try {
        const from = { endpoint, path: wanted.path };
        const values = await metrics.readGauges(from, wanted.series, signal);
        const known = wanted.names.flatMap((name, index) => {
          const value = values[index] ?? null;
          return value === null ? [] : [[name, value] as const];
        });
        return [id, new Map(known)] as const;
      } catch (error) {
        // Unknown, as the next look is the next try.
        if (error instanceof InstanceMetricsError || signal.aborted) return [id, none] as const;
        throw error;
      }
    });
  });
  return new Map(await Promise.all(reads));
}

function wantedOf({ scale }: Revision) {
  const gauges = (scale?.targets ?? []).flatMap(({ metric, gauge }) =>
    gauge === undefined ? [] : [{ metric, ...gauge }],
  );
  const [first] = gauges;
  if (first === undefined) return null;
  // One service publishes in one place.
  return {
    path: first.path,
    names: gauges.map(({ metric }) => metric),
    series: gauges.map(({ series }) => series),
  };
}
