import type { Of } from './happening.ts';
import type { Note } from './oracle.ts';
import { effectsOf, type Said } from './service-record.ts';
import type { ServiceScenario } from './scenario.ts';

const lateMs = 1_000;

interface Rolled {
  readonly id: string;
  readonly candidateId: string;
  readonly stableId: string;
  readonly desired: number;
  readonly surge: number;
  readonly unavailable: number;
  /** Ordered last, by revision. */
  readonly ordered: Map<string, number>;
  hasGoneBack: boolean;
}

/** O20, on what entries order and on what the machine has. */
export class RollingRules {
  /** The newest of each service that is rolled by bounds. */
  readonly #rolled = new Map<string, Rolled>();

  /** To be asked for each entry of a service, with what was stable before it. */
  see(
    scenario: ServiceScenario,
    {
      said,
      entry,
      stableId,
    }: {
      readonly said: Said;
      readonly entry: Of<'entry'>;
      readonly stableId: string | null;
    },
    note: Note,
  ): void {
    const { name } = scenario;
    if (said.decision === 'start') {
      const rolled = rolledBy(scenario, said, stableId);
      if (rolled === null) this.#rolled.delete(name);
      else this.#rolled.set(name, rolled);
      return;
    }
    const rolled = this.#rolled.get(name);
    if (rolled === undefined) return;
    if (said.decision === 'roll' && said.rolloutId === rolled.id) {
      // What is written down late was decided of another moment.
      const isNow = Math.abs(entry.atMs - said.atMs) <= lateMs;
      return rollRules(
        rolled,
        { counts: countsIn(entry), ready: isNow ? entry.ready : undefined },
        note,
      );
    }
    // What is ordered besides is for a way back, a restart or the end of the service.
    if (said.decision === 'roll-back') rolled.hasGoneBack = true;
    else if (countsIn(entry).size > 0) this.#rolled.delete(name);
  }

  seeStarted({ revisionId, present }: Of<'started'>, note: Note): void {
    for (const { id, ordered, candidateId, hasGoneBack } of this.#rolled.values()) {
      // Of stable: a way back may begin before its entry is there, and brings them again.
      if (revisionId !== candidateId || hasGoneBack) continue;
      const count = ordered.get(revisionId) ?? 0;
      if (present <= count) continue;
      note('O20', `${present} instances of ${revisionId} run in ${id}, ordered were ${count}`);
    }
  }
}

function rollRules(
  rolled: Rolled,
  at: {
    readonly counts: ReadonlyMap<string, number>;
    readonly ready: ReadonlyMap<string, number> | undefined;
  },
  note: Note,
): void {
  const { id, ordered, candidateId, stableId, desired, surge, unavailable } = rolled;
  const before = new Map(ordered);
  for (const [revisionId, count] of at.counts) ordered.set(revisionId, count);
  if (rolled.hasGoneBack) return;
  const sum = (ordered.get(candidateId) ?? 0) + (ordered.get(stableId) ?? 0);
  const most = Math.max(desired, before.get(stableId) ?? 0) + surge;
  if (sum > most) note('O20', `${id} orders ${sum} instances, ${most} are the most`);
  const { ready } = at;
  if (ready === undefined) return;
  const serving = (revisionId: string): number => ready.get(revisionId) ?? 0;
  const stays = Math.min(serving(stableId), ordered.get(stableId) ?? 0);
  const left = serving(candidateId) + stays;
  if (stays < serving(stableId) && left < desired - unavailable) {
    note('O20', `${id} leaves ${left} serving instances, ${desired - unavailable} are the fewest`);
  }
}

/** Null: it is no rolling update of one revision by another. */
function rolledBy(scenario: ServiceScenario, said: Said, stableId: string | null): Rolled | null {
  const { rolloutId: id, toRevisionId: candidateId, rolling } = said;
  const instancesOf = (revisionId: string | null) =>
    scenario.specs.find(({ revision }) => revision.id === revisionId)?.revision.instances;
  const [desired, before] = [instancesOf(candidateId), instancesOf(stableId)];
  if (rolling === null || stableId === null || candidateId === null) return null;
  if (desired === undefined || before === undefined) return null;
  const ordered = new Map([
    [candidateId, 0],
    [stableId, before],
  ]);
  return { id, candidateId, stableId, desired, ...rolling, ordered, hasGoneBack: false };
}

/** `run 2 of web-1` and `stop web-1`, by revision. */
function countsIn({ statement }: Of<'entry'>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const effect of effectsOf(statement)) {
    const [verb, first = '', , revisionId = ''] = effect.split(' ');
    if (verb === 'run') counts.set(revisionId, Number(first));
    if (verb === 'stop') counts.set(first, 0);
  }
  return counts;
}
