import type { GateSettings, ServiceSpec } from '../../src/domain/release/revision.ts';
import type { Random } from './random.ts';
import type { Behaviour, Fault, Incidents, ServiceScenario } from './scenario.ts';

/**
 * What the gate gives advice about: incidents of single instances where the file forgives them, one bad instance of several
 * where the file has it replaced, steps whose time is over, and samples that stay away for long.
 */
export function withTroubles(service: ServiceScenario, random: Random): ServiceScenario {
  const roll = random.next();
  const choice = random.pick(['hold', 'extend', 'widen', 'roll-back'] as const);
  const onTimeLimit = random.chance(0.5) ? choice : null;
  const incidentMs = random.pick([1_000, 2_000, 5_000]);
  const replaceWithinMs = random.pick([5_000, 20_000]);
  const incidents: Incidents | null =
    roll < 0.2 && random.chance(0.7)
      ? { everyMs: random.pick([10_000, 60_000]), lastMs: incidentMs }
      : null;
  const settings: Partial<GateSettings> = {
    ...(roll < 0.25 ? { incidentMs } : {}),
    ...(roll >= 0.15 && roll < 0.45 ? { replaceWithinMs } : {}),
    ...(onTimeLimit === null ? {} : { onTimeLimit }),
  };
  const behaviours = new Map(service.behaviours);
  for (const { revision } of service.specs.slice(1)) {
    const isBad = random.chance(0.5);
    const behaviour: Behaviour = { kind: 'bad-instance' };
    // Among incidents nobody could tell whose failures an instance has.
    if (isBad && roll >= 0.25 && roll < 0.45 && revision.instances > 1) {
      behaviours.set(revision.id, behaviour);
    }
  }
  const specs = service.specs.map((spec) => {
    // A bake has no other arm, and its test is by requests: it takes an incident for an outage, and rightly goes back.
    const bakeMs = incidents === null ? spec.plan.bakeMs : 0;
    return withSettings({ ...spec, plan: { ...spec.plan, bakeMs } }, settings);
  });
  return { ...service, specs, behaviours, incidents };
}

function withSettings(spec: ServiceSpec, settings: Partial<GateSettings>): ServiceSpec {
  return { ...spec, plan: { ...spec.plan, gate: { ...spec.plan.gate, ...settings } } };
}

/** Long enough for an alert. */
export function lossesOf(random: Random, quietAtMs: number): readonly Fault[] {
  if (!random.chance(0.15)) return [];
  const fromMs = random.between(12_000, 35_000);
  const untilMs = Math.min(quietAtMs, fromMs + random.between(20_000, 50_000));
  const kind = random.pick(['metrics-lost', 'metrics-empty', 'metrics-impossible'] as const);
  return [{ kind, fromMs, untilMs, ratio: 1, durationMs: 0 }];
}
