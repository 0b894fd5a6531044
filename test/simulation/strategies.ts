import type { Plan, Step } from '../../src/domain/release/revision.ts';
import type { BlueGreen } from '../../src/domain/release/strategy.ts';
import type { Random } from './random.ts';
import type { Behaviour, ServiceScenario } from './scenario.ts';

/** Some releases go by another strategy than by steps. */
export function withStrategies(service: ServiceScenario, random: Random): ServiceScenario {
  const specs = service.specs.map((spec) => {
    if (!random.chance(0.2)) return spec;
    return { ...spec, plan: blueGreenPlan(spec.plan, spec.revision.instances, random) };
  });
  return { ...service, specs };
}

/** Fails every request, as a check of it sees. */
export function isDeadFromStart(behaviour: Behaviour | undefined): boolean {
  return behaviour?.kind === 'failing' && behaviour.ratio === 1 && behaviour.afterMs === 0;
}

function blueGreenPlan(plan: Plan, instances: number, random: Random): Plan {
  const strategy: BlueGreen = {
    kind: 'blue-green',
    standbyInstances: random.between(1, instances),
    warmUp: { path: '/', requests: 10 },
    checks: [check],
    load: null,
    withinMs: 5_000,
  };
  const roll = random.next();
  const standby: Step = {
    weightPercent: 0,
    match: null,
    atLeastMs: 0,
    gated: false,
    wait: roll < 0.15 ? { kind: 'approval' } : { kind: 'none' },
  };
  const full: Step = { ...standby, weightPercent: 100, wait: { kind: 'none' } };
  return { ...plan, strategy, steps: [standby, full] };
}

const check = {
  name: 'home',
  method: 'GET',
  path: '/',
  headers: {},
  body: null,
  status: 200,
  contains: null,
  timeoutMs: 1_000,
};
