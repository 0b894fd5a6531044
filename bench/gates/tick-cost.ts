import { rounded } from '../form.ts';
import { nullScenarios } from './null-scenarios.ts';
import { OurGate, studySettings } from './our-gate.ts';
import { openStream } from './stream.ts';

/**
 * Microseconds of processor time that a tick of 800 requests/s costs the gate, judging left out: the least of some rounds,
 * because what others on the machine do only ever adds.
 */
export function microsecondsPerTick(): number | null {
  const scenario = nullScenarios[0];
  if (scenario === undefined) return null;
  const next = openStream(scenario, 1, 100);
  const ticks = Array.from({ length: 2000 }, (_, index) => {
    const tick = next(index + 1);
    return { ...tick, atMs: tick.atMs };
  });
  let least = Infinity;
  for (let round = 0; round < 15; round += 1) {
    const gate = new OurGate(studySettings, scenario.durationMs);
    const before = process.cpuUsage();
    for (const tick of ticks) gate.take(tick);
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / ticks.length);
  }
  return rounded(least, 2);
}
