import type { Route } from '../../src/domain/traffic/routing/route-table.ts';
import type { Note } from './oracle.ts';
import type { SeenService } from './oracle-entries.ts';
import type { ServiceScenario } from './scenario.ts';
import type { Said } from './service-record.ts';
import { isDeadFromStart } from './strategies.ts';

/** O18 on the entries and tables of all services. */
export class StandbyRules {
  /** Rollouts by blue-green, and whether an entry has said that they may be switched. */
  readonly #mayBeSwitched = new Map<string, boolean>();

  /** To be asked before the entry is taken over. */
  see(scenario: ServiceScenario, said: Said, note: Note): void {
    const { rolloutId, decision, toRevisionId } = said;
    if (decision === 'start' && said.isBlueGreen) this.#mayBeSwitched.set(rolloutId, false);
    const isSwitchable = this.#mayBeSwitched.get(rolloutId);
    if (isSwitchable === undefined) return;
    if (decision === 'check' && said.sentence.includes('may be switched to')) {
      this.#mayBeSwitched.set(rolloutId, true);
      if (isDeadFromStart(scenario.behaviours.get(toRevisionId ?? ''))) {
        note('O18', `${rolloutId} passed its checks and fails every request`);
      }
      return;
    }
    const share = said.ordered?.get(toRevisionId ?? '') ?? 0;
    if (share === 0) return;
    if (!isSwitchable) note('O18', `${rolloutId} gets ${share} % before its checks have passed`);
    if (share !== 100) note('O18', `${rolloutId} gets ${share} %: it is no switch`);
  }

  /** Only the candidate of a rollout under way has a preview, and only while it has no share. */
  seeTable(services: Iterable<SeenService>, routes: readonly Route[], note: Note): void {
    const known = new Map([...services].map((each) => [each.name, each]));
    for (const { service, previewRevisionId, backends } of routes) {
      if (previewRevisionId === undefined) continue;
      const rollouts = known.get(service)?.rollouts ?? [];
      if (!rollouts.some(({ candidateId }) => candidateId === previewRevisionId)) {
        note('O18', `${service} previews ${previewRevisionId}, which nobody rolls out`);
      }
      const share = backends.find((each) => each.revisionId === previewRevisionId)?.weightPercent;
      if (share !== 0) note('O18', `${service} previews ${previewRevisionId} at ${share} %`);
    }
  }
}
