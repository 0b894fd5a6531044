import type { Flag } from '../../src/domain/flags/flag.ts';
import type { Plan } from '../../src/domain/release/revision.ts';
import type { RouteTable } from '../../src/domain/traffic/routing/route-table.ts';
import type { Note } from './oracle.ts';
import type { SeenService } from './oracle-entries.ts';
import type { Random } from './random.ts';
import type { ServiceScenario } from './scenario.ts';

const flag: Flag = {
  key: 'new',
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  targeting: [],
};

/** Some services have a flag, which some of their plans turn at one of their steps. */
export function withFlags(service: ServiceScenario, random: Random): ServiceScenario {
  if (!random.chance(0.4)) return service;
  const specs = service.specs.map((spec) => {
    const revision = { ...spec.revision, flags: [flag] };
    const plan = random.chance(0.7) ? turning(spec.plan, random) : spec.plan;
    return { ...spec, revision, plan };
  });
  return { ...service, specs };
}

function turning(plan: Plan, random: Random): Plan {
  const at = random.between(0, plan.steps.length - 1);
  const flags = [{ flag: 'new', variant: 'on' }];
  const steps = plan.steps.map((step, index) => (index === at ? { ...step, flags } : step));
  return { ...plan, steps };
}

/** `set flag new of web-1 to on`, of entries. */
const turned = /^set flag (\S+) of (\S+) to (\S+)$/;

/** O19 on the entries and tables of all services. */
export class FlagRules {
  readonly #set = new Map<string, number>();

  see(effects: readonly string[], index: number): void {
    for (const text of effects) {
      const [, key, revisionId, variant] = turned.exec(text) ?? [];
      const name = `${key} ${revisionId} ${variant}`;
      if (key !== undefined && !this.#set.has(name)) this.#set.set(name, index);
    }
  }

  seeTable(
    services: Iterable<SeenService>,
    made: { readonly table: RouteTable; readonly builtAfter: number; readonly isDeaf: boolean },
    note: Note,
  ): void {
    const rollouts = [...services].flatMap((each) => each.rollouts);
    for (const { revisionId, turns } of made.table.flags ?? []) {
      for (const { flag: key, variant, rolloutId } of turns) {
        const setAt = this.#set.get(`${key} ${revisionId} ${variant}`) ?? Infinity;
        if (setAt >= made.builtAfter)
          note('O19', `${key} of ${revisionId} is ${variant}, which nobody ordered`);
        const rollout = rollouts.find(({ id }) => id === rolloutId);
        const isBack = rollout?.backAt !== undefined && rollout.backAt < made.builtAfter;
        if (isBack && !made.isDeaf && !rollout.isRolled) {
          note('O19', `${key} of ${revisionId} is ${variant} after ${rolloutId} went back`);
        }
      }
    }
  }

  /** At rest nothing is turned but by what was promoted. */
  end(services: Iterable<SeenService>, table: RouteTable | null, note: Note): void {
    for (const { rollouts, open } of services) {
      if (open !== null) continue;
      for (const { revisionId, turns } of table?.flags ?? []) {
        if (!rollouts.some(({ candidateId }) => candidateId === revisionId)) continue;
        for (const { rolloutId } of turns) {
          const rollout = rollouts.find(({ id }) => id === rolloutId);
          // The one before is told what it was told until the next order.
          if (rollout?.outcome === 'promoted') continue;
          note('O19', `a flag of ${revisionId} is turned by ${rolloutId} at rest`);
        }
      }
    }
  }
}
