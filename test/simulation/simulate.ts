import { parseArgs } from 'node:util';
import { happeningText } from './happening.ts';
import { addWorld, newSummary, summaryTable } from './summary.ts';
import { scenarioOf } from './scenario.ts';
import { runWorld } from './run-world.ts';

/**
 * `npm run simulate -- --worlds 100000 --seed 1`: as many worlds as you like, from this seed on. Ends with 1 at the first
 * violation and names its seed; `--worlds 1 --seed N --trace` tells that world's story. `--keep-going` counts them all.
 */
const progressIntervalMs = 2_000;

const { values } = parseArgs({
  options: {
    worlds: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    'keep-going': { type: 'boolean', default: false },
  },
});

process.exitCode = await simulate();

async function simulate(): Promise<number> {
  const worlds = wholeNumber('worlds', values.worlds);
  const first = wholeNumber('seed', values.seed);
  const startedMs = performance.now();
  const summary = newSummary();
  let failed = 0;
  let toldMs = startedMs;
  for (let seed = first; seed < first + worlds; seed += 1) {
    const result = await runWorld(scenarioOf(seed));
    addWorld(summary, result);
    if (values.trace) tell(result.story);
    for (const { rule, atMs, text } of result.findings) {
      const seconds = ((atMs - result.story.startMs) / 1000).toFixed(3);
      console.log(`seed ${seed}: ${rule} at ${seconds} s: ${text}`);
    }
    if (result.findings.length > 0) {
      failed += 1;
      console.log(`again: npm run simulate -- --worlds 1 --seed ${seed} --trace`);
      if (!values['keep-going']) break;
    }
    if (performance.now() - toldMs > progressIntervalMs) {
      toldMs = performance.now();
      process.stderr.write(`${seed - first + 1} of ${worlds} worlds\n`);
      // The virtual time never lets the event loop turn; a signal needs it to.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(summaryTable(summary, seconds));
  return failed === 0 ? 0 : 1;
}

function tell(story: Awaited<ReturnType<typeof runWorld>>['story']): void {
  const { services, faults, crashes } = story.scenario;
  for (const { name, requestsPerSecond, behaviours, specs } of services) {
    console.log(`${name}: ${requestsPerSecond} requests/s`);
    for (const { revision, plan } of specs) {
      const steps = plan.steps.map((step) => `${step.weightPercent}${step.gated ? ' gated' : ''}`);
      console.log(
        `  ${revision.version} ${revision.id}: ${JSON.stringify(behaviours.get(revision.id))}, ${steps.join(', ')}, bake ${plan.bakeMs} ms`,
      );
    }
  }
  for (const fault of faults) console.log(`fault: ${JSON.stringify(fault)}`);
  for (const crash of crashes) console.log(`crash: ${JSON.stringify(crash)}`);
  for (const happening of story.happenings) {
    console.log(happeningText({ ...happening, atMs: happening.atMs - story.startMs }));
  }
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new Error(`cannot take --${name} ${text}: must be a whole number`);
}
