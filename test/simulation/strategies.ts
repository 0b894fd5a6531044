import type { Plan, Step } from '../../src/domain/release/revision.ts';
import type { BlueGreen, Recreate, Rolling } from '../../src/domain/release/strategies/strategy.ts';
import type { Random } from './random.ts';
import type { Behaviour, ServiceScenario } from './scenario.ts';

/** Some releases go by another strategy than by steps. */
export function withStrategies(service: ServiceScenario, random: Random): ServiceScenario {
  const specs = service.specs.map((spec) => {
    if (!random.chance(0.35)) return spec;
    const isRolled = random.chance(0.4);
    if (isRolled) return { ...spec, plan: rolledPlan(spec.plan, random) };
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

function rolledPlan(plan: Plan, random: Random): Plan {
  const progressDeadlineMs = 20_000;
  const [surge, unavailable] = random.pick<readonly [number, number]>([
    [1, 0],
    [0, 1],
    [2, 1],
  ]);
  const rolling: Rolling = {
    kind: 'rolling',
    maxSurge: { kind: 'count', count: surge },
    maxUnavailable: { kind: 'count', count: unavailable },
    progressDeadlineMs,
  };
  const recreate: Recreate = { kind: 'recreate', progressDeadlineMs };
  const full: Step = {
    weightPercent: 100,
    match: null,
    atLeastMs: 0,
    gated: false,
    wait: { kind: 'none' },
  };
  return { ...plan, strategy: random.chance(0.7) ? rolling : recreate, steps: [full] };
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
