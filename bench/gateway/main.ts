import type { BenchOptions, BenchReport } from '../form.ts';
import {
  type Contender,
  contenders,
  direct,
  longRunner,
  names,
  type Running,
  shared,
  start,
} from './contenders.ts';
import { residentMbAtIdle } from './idle.ts';
import { type OpenPlace, openPlace } from './place.ts';
import { missing, Processes } from './programs.ts';
import { measureSpeedup, type SpeedupPlan } from './speedup.ts';
import { wrk } from './wrk.ts';
import { readBigBodies, readLatency, readThroughput, ReadingTable } from './readings.ts';
import { type IdleReading, type LongRun, resultOf, tablesOf } from './report.ts';

export const about =
  'CPU a request, latency, memory of the gateway beside HAProxy, nginx, npm packages';

/**
 * `load`: throughput, latency and big bodies beside the others; `workers`: one and two; `idle`: memory; `long`: the gateway
 * alone, for long.
 */
export const parts: readonly string[] = ['load', 'workers', 'idle', 'long'];

interface Plan {
  /** How often all contenders are started anew: one process is lucky or not, whatever it is asked. */
  readonly starts: number;
  readonly roundsPerStart: number;
  /** Before anything is read of one, this many requests, or this many seconds if it is slow. */
  readonly warmRequests: number;
  readonly warmRoundsMax: number;
  readonly seconds: number;
  readonly latencySeconds: number;
  readonly latencyRoundsPerStart: number;
  readonly bigSeconds: number;
  readonly idleConnections: readonly number[];
  readonly longSeconds: number;
  readonly workers: SpeedupPlan;
}

const quickPlan: Plan = {
  starts: 1,
  roundsPerStart: 2,
  warmRequests: 10_000,
  warmRoundsMax: 2,
  seconds: 1,
  latencySeconds: 1,
  latencyRoundsPerStart: 1,
  bigSeconds: 1,
  idleConnections: [2000],
  longSeconds: 3,
  workers: { starts: 1, roundsPerStart: 3, seconds: 1, warmRounds: 1 },
};
const fullPlan: Plan = {
  starts: 3,
  roundsPerStart: 3,
  warmRequests: 60_000,
  warmRoundsMax: 10,
  seconds: 2,
  latencySeconds: 4,
  latencyRoundsPerStart: 3,
  bigSeconds: 2,
  idleConnections: [2000, 10_000],
  longSeconds: 600,
  workers: { starts: 2, roundsPerStart: 5, seconds: 2, warmRounds: 3 },
};

export async function run(options: BenchOptions): Promise<BenchReport> {
  const needed = await missing(['taskset', 'wrk', 'nginx']);
  if (needed.length > 0) return unmeasured(needed);
  const plan = options.isQuick ? quickPlan : fullPlan;
  const { only = parts } = options;
  options.say(
    `takes ${Math.ceil(secondsMaxOf(plan, only) / 60)} minutes at most on a machine at rest`,
  );
  await using place = await openPlace(options.say, options.signal);
  const lacking = new Set<string>(await missing(['haproxy']));
  if (place.peersFolder === null) lacking.add('npm packages');
  const able = contenders.filter(({ needs }) => needs.every((need) => !lacking.has(need)));
  const table = new ReadingTable();
  for (const { name } of able) table.of(name);
  for (let time = 1; only.includes('load') && time <= plan.starts; time += 1) {
    await measure({ place, able, table, plan, options, time });
  }
  const together = new ReadingTable();
  if (only.includes('workers')) {
    const both = [...shared.haproxy, ...shared.fast];
    const here = both.filter(({ needs }) => needs.every((need) => !lacking.has(need)));
    await measureSpeedup({ place, able: here, plan: plan.workers, options, table: together });
  }
  const idle = only.includes('idle') ? await idleOf(place, able, plan, options) : [];
  const long = only.includes('long') ? await longRun(place, plan, options) : null;
  const notes = [
    ...notesOf(plan),
    ...[...lacking].map((what) => `Not installed here: ${what}; its rows and figures are missing.`),
  ];
  const read = { table, together, idle, long };
  return { tables: tablesOf(read), notes, result: resultOf(read) };
}

/** By what is planned, with what starting takes. */
function secondsMaxOf(plan: Plan, only: readonly string[]): number {
  const close = contenders.filter(({ isClose }) => isClose).length;
  const all = contenders.length;
  const startSeconds = 2;
  const load =
    all * (plan.warmRoundsMax + startSeconds) +
    plan.roundsPerStart * (all + 1) * plan.seconds +
    plan.latencyRoundsPerStart * (close + 1) * plan.latencySeconds +
    close * plan.bigSeconds;
  const { workers } = plan;
  const rounds = workers.warmRounds + workers.roundsPerStart * workers.seconds;
  const seconds: Readonly<Record<string, number>> = {
    load: plan.starts * load,
    workers: workers.starts * 4 * (rounds + startSeconds),
    idle: 3 * plan.idleConnections.reduce((sum, each) => sum + startSeconds + each / 500, 0),
    long: plan.longSeconds,
  };
  return 30 + only.reduce((sum, part) => sum + (seconds[part] ?? 0), 0);
}

interface Measuring {
  readonly place: OpenPlace;
  readonly able: readonly Contender[];
  readonly table: ReadingTable;
  readonly plan: Plan;
  readonly options: BenchOptions;
  readonly time: number;
}

async function measure({ place, able, table, plan, options, time }: Measuring): Promise<void> {
  const { signal, say } = options;
  const random = randomOf(time);
  await using processes = new Processes();
  const running: Running[] = [];
  for (const contender of shuffled(able, random)) {
    running.push(await start(contender, place, processes));
  }
  const [directPort] = place.backendPorts;
  for (const each of running) await warm(each, plan, signal);
  for (let round = 1; round <= plan.roundsPerStart; round += 1) {
    const reading = { seconds: plan.seconds, signal };
    await readThroughput({ port: directPort, pid: null }, table.of(direct), reading);
    for (const each of shuffled(running, random)) {
      await readThroughput(each, table.of(each.contender.name), reading);
    }
    say(`start ${time} of ${plan.starts}: saturated, round ${round} of ${plan.roundsPerStart}`);
  }
  const close = running.filter(({ contender }) => contender.isClose);
  for (let round = 1; round <= plan.latencyRoundsPerStart; round += 1) {
    const reading = { seconds: plan.latencySeconds, signal };
    await readLatency(directPort, table.of(direct), reading);
    for (const each of shuffled(close, random)) {
      await readLatency(each.port, table.of(each.contender.name), reading);
    }
    say(
      `start ${time} of ${plan.starts}: latency, round ${round} of ${plan.latencyRoundsPerStart}`,
    );
  }
  for (const each of shuffled(close, random)) {
    await readBigBodies(each, table.of(each.contender.name), { seconds: plan.bigSeconds, signal });
  }
  say(`start ${time} of ${plan.starts}: big bodies`);
}

/** Compiles its code and opens its connections; what it shows is thrown away. */
async function warm(
  each: Running,
  { warmRequests, warmRoundsMax }: Plan,
  signal: AbortSignal,
): Promise<void> {
  const readings = new ReadingTable().of('');
  for (let round = 0; round < warmRoundsMax && readings.requests < warmRequests; round += 1) {
    await readThroughput(each, readings, { seconds: 1, signal });
  }
}

/** Each in a process of its own that has served nothing else. */
async function idleOf(
  place: OpenPlace,
  able: readonly Contender[],
  plan: Plan,
  options: BenchOptions,
): Promise<readonly IdleReading[]> {
  const readings: IdleReading[] = [];
  const wanted: readonly string[] = [names.haproxy, names.fast, names.compat];
  for (const contender of able.filter(({ name }) => wanted.includes(name))) {
    for (const connections of plan.idleConnections) {
      // HAProxy has room for fewer with the file descriptors a process has here.
      if (connections > 5000 && contender.name === names.haproxy) continue;
      options.signal.throwIfAborted();
      await using processes = new Processes();
      const running = await start(contender, place, processes);
      const residentMb = await residentMbAtIdle(running, connections);
      readings.push({ name: contender.name, connections, residentMb });
      options.say(`${connections} idle connections: ${contender.name}`);
    }
  }
  return readings;
}

/** As many requests as the load generator can send, for long, over all instances of the backend. */
async function longRun(
  place: OpenPlace,
  { longSeconds: seconds }: Plan,
  { signal, say }: BenchOptions,
): Promise<LongRun> {
  await using processes = new Processes();
  const { port } = await start(longRunner, place, processes);
  const load = { port, path: '/', connections: 64, seconds, isPaced: false };
  const { requests, tookUs, failures } = await wrk(load, signal);
  say(
    `${seconds} s over ${place.instancePorts.length} instances: ${failures} of ${requests} failed`,
  );
  return { success: 1 - failures / requests, requestsPerSecond: (requests / tookUs) * 1e6 };
}

function unmeasured(needed: readonly string[]): BenchReport {
  const notes = [`Nothing was measured: ${needed.join(', ')} must be installed.`];
  const nothing = { table: new ReadingTable(), together: new ReadingTable(), idle: [], long: null };
  return { tables: [], notes, result: resultOf(nothing) };
}

function notesOf({
  starts,
  roundsPerStart,
  seconds,
  latencySeconds,
  longSeconds,
}: Plan): readonly string[] {
  const rounds = starts * roundsPerStart;
  return [
    `Load (wrk, 64 connections, heads of about 500 bytes) and backend (nginx, 1 KB of JSON) on one core, one proxy at a time on another.`,
    `${starts} starts of all contenders, ${rounds} rounds of ${seconds} s, order shuffled; ratios are of the same round, then their median.`,
    'CPU: time of all threads on a CPU (/proc/PID/task/*/schedstat) by requests answered.',
    `Added latency: over the backend asked directly, at about 3,200 requests/s, ${latencySeconds} s a round.`,
    'Features of the gateway: two parsers, limits, deadlines, counters and latencies by instance, every span exported.',
    'Features off is without spans; nothing else can be switched off.',
    'cpuOverUndici is the fast engine by the engine on node:http and undici.',
    `success and rpsMax are of ${longSeconds} s without a pause, over 12 instances, on one core.`,
    'workersSpeedup: how many times the requests of one worker two do, by their CPU a request, spans exported; 2 is all of it.',
  ];
}

/** The same order for the same start, so that a run can be done again: mulberry32, public domain. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item);
}
