import { activeRollout, type ServiceState } from '../../domain/release/service-state.ts';
import type { Instance } from '../../ports/platform.ts';
import type { ScrapeTarget } from './metric-scraper.ts';

/** Who is to be asked: the ready instances of both arms, where a rollout is judged by metrics of the service. */
export function scrapeTargets(
  services: readonly ServiceState[],
  instances: readonly Instance[],
): readonly ScrapeTarget[] {
  return services.flatMap((state): ScrapeTarget[] => {
    const rollout = activeRollout(state);
    if (rollout === null || rollout.stable === null) return [];
    const { metrics = [], scrape } = rollout.gate.settings;
    const sources = metrics.flatMap(({ name, source }) =>
      source === undefined ? [] : [{ name, source }],
    );
    if (sources.length === 0 || scrape === undefined) return [];
    const revisionIds = [rollout.candidate.id, rollout.stable.id];
    const own = revisionIds.flatMap((revisionId) =>
      instances
        .filter((each) => each.revisionId === revisionId && each.state === 'ready')
        .toSorted((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, instancesPerArmMax),
    );
    return [{ service: state.name, ...scrape, metrics: sources, revisionIds, instances: own }];
  });
}

/** So many speak for all; the same ones at every look. */
const instancesPerArmMax = 100;
