import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchOptions, rounded } from '../form.ts';
import { waitFor, type World } from '../world.ts';
import { loaded, scalingOf, withScaledService } from './scaled-service.ts';

/** What became of one step of load up and down again, on real processes. */
export interface LoadStepRun {
  /** From the first request of the higher load until there were as many ready instances as it needs. */
  readonly secondsToScaleUp: number;
  readonly secondsToScaleDown: number;
  /** Orders of another number, and those of them in the direction of the load. */
  readonly orders: number;
  readonly rightOrders: number;
  /** Most instances. */
  readonly most: number;
  readonly requests: number;
  readonly failed: number;
}

/**
 * A request computes for 50 us, what Node needs to answer it comes on top, and an instance is to use 10 % of a core: so a hundred
 * times the load wants several instances, and two cores carry it with the gateway and the load beside them.
 */
const computeMs = 0.05;
const service = `
import { createServer } from 'node:http';
const server = createServer((request, response) => {
  if (request.url !== '/readyz') for (const end = performance.now() + ${computeMs}; performance.now() < end;);
  response.end('ok');
});
server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`;

const low = 50;
const high = 5000;
const name = 'computing';
const calmLoad = { name, requestsPerSecond: low };

const scaled = {
  name,
  program: service,
  resources: { requests: { cpu: '100m' } },
  scale: {
    min: 1,
    max: 12,
    on: { cpu: '100%' },
    behavior: { scaleDown: { stabilizationWindow: '15s' } },
  },
};

export function loadStep({ say, signal }: BenchOptions): Promise<LoadStepRun> {
  return withScaledService(scaled, (world) => measured(world, { say, signal }));
}

async function measured(
  world: World,
  { say, signal }: Pick<BenchOptions, 'say' | 'signal'>,
): Promise<LoadStepRun> {
  const calm = await loaded(world, calmLoad, () => sleep(settleMs));
  signal.throwIfAborted();
  const upMs = performance.now();
  let most = 1;
  const busy = await loaded(world, { name, requestsPerSecond: high }, async () => {
    most = await waitFor('enough instances', () => enough(world), boundMs);
    say(
      `${most} instances ${((performance.now() - upMs) / 1000).toFixed(1)} s after the load rose`,
    );
  });
  const secondsToScaleUp = busy.ms / 1000;
  const downMs = performance.now();
  const after = await loaded(world, calmLoad, async () => {
    await waitFor('one instance', async () => (await scalingOf(world, name)).ready === 1, boundMs);
  });
  const secondsToScaleDown = (performance.now() - downMs) / 1000;
  const orders = await ordersOf(world);
  say(`orders: ${orders.map(({ from, to }) => `${from} to ${to}`).join(', ')}`);
  const turn = orders.findLastIndex(({ from, to }) => to > from) + 1;
  const parts = [calm, busy, after];
  return {
    secondsToScaleUp,
    secondsToScaleDown,
    orders: orders.length,
    rightOrders: rightOf(orders, most),
    most: Math.max(most, ...orders.slice(0, turn).map(({ to }) => to)),
    requests: parts.reduce((sum, { result }) => sum + result.requests, 0),
    failed: parts.reduce((sum, { result }) => sum + result.errors, 0),
  };
}

/** All that is wanted is ready, CPU is known and within the tolerance of its target; null: not yet. */
async function enough(world: World): Promise<number | null> {
  const { ready, desired, metrics } = await scalingOf(world, name);
  const [cpu] = metrics;
  const perInstance = cpu?.perInstance ?? Infinity;
  return ready > 1 && ready === desired && perInstance <= 1.1 * (cpu?.target ?? 0) ? ready : null;
}

interface Ordered {
  readonly from: number;
  readonly to: number;
}

async function ordersOf(world: World): Promise<readonly Ordered[]> {
  const events = await world.events(name, 0);
  return events.flatMap(({ decision, sentence }) => {
    const [, from, to] = /from (\d+) to (\d+) instances/.exec(sentence) ?? [];
    return decision === 'scale' ? [{ from: Number(from), to: Number(to) }] : [];
  });
}

/** Up until the most were there, then down: an order against that is a turn that the load did not ask for. */
function rightOf(orders: readonly Ordered[], most: number): number {
  const top = orders.findIndex(({ to }) => to >= most);
  return orders.filter(({ from, to }, index) => (index <= top ? to > from : to < from)).length;
}

const settleMs = 6_000;
const boundMs = 180_000;

export function loadStepResult(runs: readonly LoadStepRun[]): Record<string, number | null> {
  const orders = runs.reduce((sum, run) => sum + run.orders, 0);
  const right = runs.reduce((sum, run) => sum + run.rightOrders, 0);
  return {
    secondsToScaleUp: rounded(Math.max(...runs.map((run) => run.secondsToScaleUp)), 1),
    rightStepsRatio: orders === 0 ? null : rounded(right / orders, 3),
    failedWhileScaling: runs.reduce((sum, run) => sum + run.failed, 0),
  };
}
